import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hexOf } from '../../src/base/bytes.ts'
import { blake3 } from '../../src/base/hash.ts'
import { nodeId, type NodeId } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Network } from '../../src/base/network.ts'
import { BlockFetch } from '../../src/block/fetch.ts'
import { ReplicatedBlocks } from '../../src/block/replicated.ts'
import { fixedCluster, loneCluster } from '../../src/cluster/lone.ts'
import { SimulatedNode } from '../../src/simulation/node.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { World } from '../../src/simulation/world.ts'
import { createBucket } from '../../src/store/bucket/bucket.ts'
import { putObject } from '../../src/store/object/put-object.ts'
import { bodyOf, contentOf } from '../../src/simulation/contents.ts'
import { content as contentAt, ManualClock, openWorld, thisNode } from './harness.ts'

const fair = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 1, usualMs: 1 }

async function threeNodes(): Promise<{ world: World; nodes: SimulatedNode[] }> {
  const world = new World(new SeededRng(9), fair, false)
  const nodes: SimulatedNode[] = []
  const owners: NodeId[] = []
  for (let index = 0; index < 3; index += 1) {
    const node = await SimulatedNode.make({
      ...{ world, index, rules: {}, shardCount: 1 },
      directory: {
        find: (id) => nodes.find((other) => other.id === id)?.present?.network,
        all: () => nodes.map(({ id }) => id),
      },
      clusterOf: (self) => fixedCluster(self, [owners], 1),
      syncMs: () => 1,
      offsetMicros: () => 0,
      fault: (sentence) => assert.fail(sentence),
    })
    nodes.push(node)
    owners.push(node.id)
    node.start()
  }
  await world.run(10_000, () => nodes.every(({ product }) => product !== undefined))
  return { world, nodes }
}

async function done<Value>(world: World, work: Promise<Value>): Promise<Value> {
  let isOver = false
  const ended = work.finally(() => (isOver = true))
  ended.catch(() => undefined)
  await world.run(60_000, () => isOver)
  return ended
}

const content = contentOf('one', 3000)
const hash = hexOf(blake3(content.bytes))

async function store(world: World, node: SimulatedNode): Promise<void> {
  const { store: own } = node.product!
  const { id: bucket } = await done(world, createBucket(own, { name: 'photos' }))
  await done(world, putObject(own, { bucket, key: 'a', metadata: [], body: bodyOf(content) }))
}

test('an owner that was down when a block was stored brings it here once it knows of it', async () => {
  const { world, nodes } = await threeNodes()
  nodes[2]!.crash('kill')
  await store(world, nodes[0]!)
  nodes[2]!.start()
  const { network } = nodes[2]!.present!
  const transfer = network.transfer.bind(network)
  const lanes: unknown[] = []
  network.transfer = (to, endpoint, parcel, options) => {
    if (endpoint === 'block/get') lanes.push(options.isBackground)
    return transfer(to, endpoint, parcel, options)
  }
  await world.run(60_000, () => nodes[2]!.product?.blocks.has(hash) === true)
  const { blocks } = nodes[2]!.product!
  assert.ok(blocks.has(hash))
  assert.equal(blocks.referenceCount(hash), 1)
  assert.deepEqual(lanes, [true], 'nobody waits for it')
  await world.run(10_000, () => false)
  assert.deepEqual(await blocks.wanted(undefined, 10), [])
})

test('a block that is found damaged is brought again from another owner', async () => {
  const { world, nodes } = await threeNodes()
  await store(world, nodes[0]!)
  await world.run(2_000, () => false)
  const [first] = nodes
  while (first!.disk.rot(/^\/blocks\/.*segment/) && first!.product!.blocks.has(hash)) {
    const slot = await first!.product!.blocks.slab.take()
    await done(world, first!.product!.blocks.get(hash, slot)).catch(() => undefined)
    slot.release()
  }
  assert.equal(first!.product!.blocks.has(hash), false)
  await world.run(20_000, () => first!.product!.blocks.has(hash))
  const slot = await first!.product!.blocks.slab.take()
  const view = await done(world, first!.product!.blocks.get(hash, slot))
  assert.equal(Buffer.compare(view, content.bytes), 0)
  slot.release()
})

test('a block that was found damaged while nothing referred to it is wanted with the reference', async () => {
  const { world, nodes } = await threeNodes()
  await store(world, nodes[0]!)
  await world.run(2_000, () => false)
  const [first] = nodes
  const { blocks, db } = first!.product!
  await done(
    world,
    db.write((batch) => blocks.referenceDropped(batch, hash)),
  )
  while (first!.disk.rot(/^\/blocks\/.*segment/) && blocks.has(hash)) {
    const slot = await blocks.slab.take()
    await done(world, blocks.get(hash, slot)).catch(() => undefined)
    slot.release()
  }
  assert.deepEqual([blocks.has(hash), await blocks.wanted(undefined, 10)], [false, []])
  await done(
    world,
    db.write((batch) => blocks.referenceAdded(batch, hash)),
  )
  assert.deepEqual(await blocks.wanted(undefined, 10), [hash])
  await world.run(20_000, () => blocks.has(hash))
  assert.ok(blocks.has(hash))
})

test('blocks of a file that is gone are brought from another owner after a start, unread', async () => {
  const { world, nodes } = await threeNodes()
  await store(world, nodes[0]!)
  await world.run(2_000, () => false)
  const [first] = nodes
  first!.crash('kill')
  const clock = new ManualClock()
  const gone = first!.disk.of(clock, () => 0).remove('/blocks/00000001.segment')
  clock.advance(1)
  await gone
  first!.start()
  await world.run(20_000, () => first!.product !== undefined)
  assert.equal(first!.product!.blocks.has(hash), false)
  await world.run(60_000, () => first!.product!.blocks.has(hash))
  assert.ok(first!.product!.blocks.has(hash))
  await world.run(10_000, () => false)
  assert.deepEqual(await first!.product!.blocks.wanted(undefined, 10), [])
})

test('blocks that nobody has are told of once, and asked for the less often the more they are', async () => {
  const warnings: object[] = []
  const log = { ...silentLog, warn: (fields: object) => void warnings.push(fields) }
  const { blocks, db, clock, metrics } = await openWorld()
  const cluster = new ReplicatedBlocks({
    ...{ local: blocks, clock, cluster: loneCluster(thisNode) },
    network: { self: thisNode, receive: () => undefined } as unknown as Network,
  })
  const fetch = new BlockFetch({ local: blocks, cluster, clock, log, metrics })
  const { signal } = new AbortController()
  const round = async (): Promise<void> => {
    while ((await fetch.work(signal)) === 'busy');
  }
  const want = (count: number): Promise<void> =>
    db.write((batch) => {
      for (let at = 0; at < count; at++) {
        blocks.referenceAdded(batch, at.toString(16).padStart(64, '0'))
      }
    })
  await want(70)
  for (let rounds = 0; rounds < 3; rounds++) await round()
  assert.equal(warnings.length, 70)
  assert.equal(fetch.failures().length, 70)
  assert.equal(fetch.intervalMs, 10_000)
  await want(12_000)
  for (let rounds = 0; rounds < 2; rounds++) await round()
  assert.equal(warnings.length, 1_000)
  assert.equal(fetch.intervalMs, 12_000)
  await blocks.stop()
})

test('while the drive is full a block is asked for once in a round, and all come once there is room', async () => {
  const { blocks, db, clock, metrics, disk } = await openWorld()
  const bytesBy = new Map<string, Uint8Array>()
  for (let seed = 0; seed < 5; seed++) {
    const bytes = contentAt(seed, 4000)
    bytesBy.set(hexOf(blake3(bytes)), bytes)
  }
  let transfers = 0
  const transfer: Network['transfer'] = (_to, _endpoint, { message }, { into }) => {
    transfers += 1
    const [, wanted] = message as [number, string]
    const bytes = bytesBy.get(wanted)!
    into!.set(bytes)
    return Promise.resolve({ message: null, length: bytes.length })
  }
  const other = nodeId('cd'.repeat(32))
  const cluster = new ReplicatedBlocks({
    ...{ local: blocks, clock, cluster: fixedCluster(thisNode, [[thisNode, other]], 1) },
    network: { self: thisNode, receive: () => undefined, transfer } as unknown as Network,
  })
  const fetch = new BlockFetch({ local: blocks, cluster, clock, log: silentLog, metrics })
  const { signal } = new AbortController()
  await db.write((batch) => {
    for (const wanted of bytesBy.keys()) blocks.referenceAdded(batch, wanted)
  })
  const { totalBytes } = disk
  disk.totalBytes = 0
  clock.advance(2_000)
  for (let round = 1; round <= 2; round++) {
    assert.equal(await fetch.work(signal), 'idle')
    assert.deepEqual([transfers, fetch.queueLength()], [round, 5])
  }
  disk.totalBytes = totalBytes
  clock.advance(2_000)
  assert.equal(await fetch.work(signal), 'idle')
  assert.deepEqual([transfers, await blocks.wanted(undefined, 10)], [7, []])
  await blocks.stop()
})
