import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId, type BucketId, type NodeId } from '../../../src/base/ids.ts'
import { createBucketCommand } from '../../../src/model/commands/bucket.ts'
import { LeftBuckets, type LeftBucketsOptions } from '../../../src/node/buckets/left-buckets.ts'
import { allBuckets, bucketRef } from '../../../src/store/bucket/bucket.ts'
import type { Store } from '../../../src/store/store.ts'
import { openStore, thisNode } from '../../store/harness.ts'
import { leftBuckets, round } from './left.ts'

const MINUTE_MS = 60_000
const [first, second] = [nodeId('01'.repeat(32)), nodeId('02'.repeat(32))]
const { signal } = new AbortController()

/** As its maker leaves a bucket that is cut off before the bucket has its name. */
async function begin(store: Store, digits: string): Promise<BucketId> {
  const id = digits.repeat(64 / digits.length) as BucketId
  const create = createBucketCommand({ name: `half-made-${digits}`, shardCount: 1 })
  await store.tables.change(bucketRef(store, id), create)
  return id
}

async function idsOf(store: Store): Promise<BucketId[]> {
  return (await allBuckets(store)).map(({ id }) => id)
}

test('LeftBuckets leaves a bucket alone that may still be in the making, however often it is woken', async () => {
  const world = await openStore()
  const { store, clock } = world
  const id = await begin(store, '11')
  const worker = leftBuckets(store, thisNode)
  for (let woken = 0; woken < 5; woken += 1) {
    await round(worker)
    clock.advance(MINUTE_MS / 5 - 1)
  }
  await round(worker)
  assert.deepEqual(await idsOf(store), [id])
  clock.advance(5)
  await round(worker)
  assert.deepEqual(await idsOf(store), [])
  await world.stop()
})

test('LeftBuckets asks for nothing while there is no layout, nor where nothing is stored', async () => {
  const nothing = { store: undefined as never, network: { peers: () => [] } }
  const readers = (): never => assert.fail('there is no layout')
  const without = { ...nothing, cluster: { self: first, readers }, hasLayout: () => false }
  assert.equal(await new LeftBuckets(without).work(signal), 'idle')
  const gateway = { self: first, readers: () => [second] }
  const worker = new LeftBuckets({ ...nothing, cluster: gateway, hasLayout: () => true })
  assert.equal(await worker.work(signal), 'idle')
})

test('a left bucket is for its first owner, and while that one is down for the next at once', async () => {
  const world = await openStore()
  const { store, clock } = world
  const id = await begin(store, '11')
  const up = new Set([first, second])
  const options: LeftBucketsOptions = {
    ...{ store, hasLayout: () => true },
    cluster: { self: thisNode, readers: () => [first, second, thisNode] },
    network: { peers: () => [first, second].map((node) => ({ node, isUp: up.has(node) })) },
  }
  const worker = new LeftBuckets(options)
  const pass = async (minutes: number): Promise<void> => {
    for (let at = 0; at < minutes; at += 1) {
      clock.advance(MINUTE_MS)
      await round(worker)
    }
  }
  await pass(3)
  up.delete(first)
  await pass(3)
  assert.deepEqual(await idsOf(store), [id], 'an owner before this one is up')
  up.delete(second)
  await pass(1)
  assert.deepEqual(await idsOf(store), [], 'it was seen for long enough while others were up')
  await begin(store, '22')
  up.add(first)
  await pass(3)
  assert.equal((await idsOf(store)).length, 1, 'the first owner is back')
  await world.stop()
})

test('what a first owner that is up does not come to is done by the others within thirty rounds', async () => {
  const world = await openStore()
  const { store, clock } = world
  await begin(store, '11')
  const network = { peers: () => [{ node: first, isUp: true }] }
  const [owner, stranger] = [[first, thisNode], [first]].map((owners) => {
    const cluster = { self: thisNode, readers: (at: number) => (at === 0 ? [thisNode] : owners) }
    return new LeftBuckets({ store, cluster, network, hasLayout: () => true })
  })
  const pass = async (worker: LeftBuckets, minutes: number): Promise<void> => {
    for (let at = 0; at < minutes; at += 1) {
      await round(worker)
      clock.advance(MINUTE_MS)
    }
  }
  await pass(stranger!, 31)
  await pass(owner!, 29)
  assert.equal((await idsOf(store)).length, 1)
  await pass(owner!, 1)
  assert.deepEqual(await idsOf(store), [])
  await world.stop()
})

test('owners share the buckets: what is in the partitions of another is for that one', async () => {
  const world = await openStore()
  const { store, clock } = world
  const count = 24
  for (let index = 0; index < count; index += 1) await begin(store, `${index + 10}`)
  const workers = [thisNode, first].map((self) => {
    const network = { peers: () => [{ node: self === first ? thisNode : first, isUp: true }] }
    const readers = (partition: number): readonly NodeId[] =>
      partition % 2 === 0 ? [thisNode, first] : [first, thisNode]
    return new LeftBuckets({ store, cluster: { self, readers }, network, hasLayout: () => true })
  })
  for (const worker of workers) await round(worker)
  clock.advance(MINUTE_MS)
  await round(workers[0]!)
  const left = (await idsOf(store)).length
  assert.ok(left > 0 && left < count, `${left} left`)
  await round(workers[1]!)
  assert.deepEqual(await idsOf(store), [])
  await world.stop()
})

test('a round of LeftBuckets takes bounded steps, and one bucket that fails keeps no other', async () => {
  const world = await openStore()
  const { store, clock } = world
  for (let index = 0; index < 205; index += 1) await begin(store, `${index}`.padStart(4, '0'))
  const bad = (await idsOf(store))[3]!
  let isBroken = true
  const { tables } = store
  const refusing: Store['tables'] = {
    ...tables,
    get: (ref) => tables.get(ref),
    page: (...page) => tables.page(...page),
    change: (ref, command) => {
      if (isBroken && ref.key === bad) throw new Error('no quorum')
      return tables.change(ref, command)
    },
  }
  const worker = leftBuckets({ ...store, tables: refusing }, thisNode)
  assert.equal(await round(worker), 3)
  clock.advance(MINUTE_MS)
  await round(worker)
  assert.deepEqual(await idsOf(store), [bad])
  assert.match(worker.remarks()[0] ?? '', new RegExp(`^1 buckets .*"${bad}": no quorum$`))
  isBroken = false
  assert.equal(await round(worker), 1)
  assert.deepEqual(await idsOf(store), [])
  assert.deepEqual(worker.remarks(), [])
  await world.stop()
})

test('LeftBuckets rests for longer the more buckets there are', async () => {
  const world = await openStore()
  const { store } = world
  const { length } = await Promise.all(
    Array.from({ length: 2_500 }, (_, index) => begin(store, `${index}`.padStart(4, '0'))),
  )
  const worker = leftBuckets(store, thisNode)
  assert.equal(worker.intervalMs, MINUTE_MS)
  await round(worker)
  assert.equal(worker.intervalMs, (MINUTE_MS * length) / 2_000)
  await world.stop()
})
