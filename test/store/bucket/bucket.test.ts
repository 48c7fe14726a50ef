import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBucketCommand } from '../../../src/model/commands/bucket.ts'
import { claimNameCommand } from '../../../src/model/commands/bucket-name.ts'
import { closeGateCommand } from '../../../src/model/commands/gate.ts'
import { NAMES } from '../../../src/model/bucket-name.table.ts'
import { BUCKETS } from '../../../src/model/rows/bucket.ts'
import { GATE_KEY } from '../../../src/model/rows/gate.ts'
import { objectPartitionKey } from '../../../src/model/rows/object.ts'
import { nodeId, type BucketId } from '../../../src/base/ids.ts'
import { RunningOperations } from '../../../src/model/operations.ts'
import { LoopbackNetwork } from '../../../src/net/loopback.ts'
import { SeededRng } from '../../../src/simulation/seeded-rng.ts'
import { bucketById, type Store } from '../../../src/store/store.ts'
import type { Tables } from '../../../src/table/table.ts'
import { createKey, deleteKey } from '../../../src/store/access-key.ts'
import {
  allowKey,
  bucketUsage,
  changeBucketSettings,
  createBucket,
  denyKey,
  findBucketByName,
  listBuckets,
} from '../../../src/store/bucket/bucket.ts'
import { deleteBucket, gatesOf } from '../../../src/store/bucket/delete-bucket.ts'
import { deleteObject, deleteObjects } from '../../../src/store/object/delete-object.ts'
import { headObject } from '../../../src/store/object/get-object.ts'
import { abortUpload, createUpload } from '../../../src/store/upload/multipart.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { turns } from '../../block/harness.ts'
import { leftBuckets, round } from '../../node/buckets/left.ts'
import {
  bodyOf,
  bucketOf,
  codeOf,
  content,
  openStore,
  tally,
  thisNode,
  type World,
} from '../harness.ts'

const name = 'my-bucket'

test('createBucket() gives a name to one of many', async () => {
  const world = await openStore()
  const { store } = world
  const owners = await Promise.all(
    Array.from({ length: 8 }, (_, index) => createKey(store, { name: `key ${index}` })),
  )
  const codes = await Promise.all(
    owners.map(({ id }) => codeOf(createBucket(store, { name, owner: id }))),
  )
  assert.deepEqual(tally(codes), { BucketAlreadyExists: 7, 'no error': 1 })
  const bucket = await findBucketByName(store, name)
  const [winner] = [...bucket!.keys]
  assert.deepEqual(winner?.[1], { read: true, write: true, owner: true })
  assert.deepEqual(await createBucket(store, { name, owner: winner![0] }), {
    id: bucket!.id,
    created: false,
  })
  assert.equal(await codeOf(createBucket(store, { name })), 'BucketAlreadyExists')
  assert.equal((await listBuckets(store)).length, 1)
  assert.equal(await codeOf(createBucket(store, { name: 'No' })), 'InvalidBucketName')
  await world.stop()
})

test('deleteBucket() refuses one that holds an object or an open upload', async () => {
  const world = await openStore({ shardCount: 4 })
  const { store } = world
  const { bucket } = await bucketOf(store, name)
  const put = (): Promise<unknown> =>
    codeOf(putObject(store, { bucket, key: 'a', metadata: [], body: bodyOf(content(1, 9)) }))
  assert.equal(await put(), 'no error')
  assert.equal(await codeOf(deleteBucket(store, { bucket })), 'BucketNotEmpty')
  assert.deepEqual(await bucketUsage(store, bucket), { objects: 1, bytes: 9, uploads: 0 })
  assert.equal(await put(), 'no error')
  await deleteObject(store, { bucket, key: 'a' })
  const { uploadId } = await createUpload(store, { bucket, key: 'b', metadata: [] })
  assert.deepEqual(await bucketUsage(store, bucket), { objects: 0, bytes: 0, uploads: 1 })
  assert.equal(await codeOf(deleteBucket(store, { bucket })), 'BucketNotEmpty')
  await abortUpload(store, { bucket, key: 'b', uploadId })
  await deleteBucket(store, { bucket })
  assert.equal(await findBucketByName(store, name), undefined)
  assert.equal(await put(), 'NoSuchBucket')
  assert.equal(await codeOf(headObject(store, { bucket, key: 'a' })), 'NoSuchBucket')
  assert.equal(await codeOf(deleteBucket(store, { bucket })), 'NoSuchBucket')
  assert.deepEqual(await listBuckets(store), [])
  const again = await createBucket(store, { name })
  assert.notEqual(again.id, bucket)
  await world.stop()
})

test('deleteBucket() against writers: acknowledged in it, or gone with it', async () => {
  const world = await openStore()
  const { store, clock } = world
  for (let round = 0; round < 20; round += 1) {
    const { id: bucket } = await createBucket(store, { name })
    const ticking = { isOver: false }
    const time = (async () => {
      while (!ticking.isOver) {
        clock.advance(60)
        await turns(1)
      }
    })()
    const put = async (key: string): Promise<unknown> => {
      await turns(round % 5)
      return codeOf(putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 9)) }))
    }
    const [deleted, ...puts] = await Promise.all([
      codeOf(deleteBucket(store, { bucket })),
      put('a'),
      put('b'),
    ])
    ticking.isOver = true
    await time
    if (deleted === 'no error') {
      // Unknown is one whose accept met the gate; the bucket is gone either way.
      assert.ok(puts.every((code) => code === 'NoSuchBucket' || code === 'OutcomeUnknown'))
      continue
    }
    assert.equal(deleted, 'BucketNotEmpty')
    assert.ok(puts.includes('no error'))
    for (const key of ['a', 'b']) await deleteObject(store, { bucket, key })
    await deleteBucket(store, { bucket })
  }
  await world.stop()
})

/** A world whose one bucket has a gate that a delete closed and never opened again. */
async function afterCutDelete(): Promise<{ world: World; bucket: BucketId }> {
  const world = await openStore()
  const { bucket } = await bucketOf(world.store, name)
  const gate = {
    table: world.store.model.gate,
    partitionKey: objectPartitionKey(bucket, 0),
    key: GATE_KEY,
  }
  await world.tables.change(gate, closeGateCommand(world.store.operations.begin().owner))
  return { world: await world.crash(), bucket }
}

async function letPass({ clock }: World): Promise<void> {
  for (let step = 0; step < 20; step += 1) {
    await turns(5)
    clock.advance(100)
  }
}

test('a gate left closed by a delete that was cut off is opened by the next write', async () => {
  const { world, bucket } = await afterCutDelete()
  const { store } = world
  const put = putObject(store, { bucket, key: 'a', metadata: [], body: bodyOf(content(1, 9)) })
  await letPass(world)
  await put
  assert.equal((await headObject(store, { bucket, key: 'a' })).size, 9)
  await world.stop()
})

test('a gate left closed by a delete that was cut off is opened without a write', async () => {
  const { world, bucket } = await afterCutDelete()
  const { store } = world
  const stateOf = async (): Promise<unknown> =>
    (await store.tables.get(gatesOf(store, await bucketById(store, bucket))[0]!))?.state
  assert.equal(await stateOf(), 'closing')
  await round(leftBuckets(store, thisNode))
  assert.equal(await stateOf(), 'open')
  const { owner } = store.operations.begin()
  await store.tables.change(
    gatesOf(store, await bucketById(store, bucket))[0]!,
    closeGateCommand(owner),
  )
  await round(leftBuckets(store, thisNode))
  assert.equal(await stateOf(), 'closing', 'one whose closer still runs stays')
  await world.stop()
})

test('deleteObjects() opens a gate left closed by a delete that was cut off', async () => {
  const { world, bucket } = await afterCutDelete()
  const deleted = deleteObjects(world.store, { bucket, keys: ['a', 'b'] })
  await letPass(world)
  assert.deepEqual(await deleted, [
    { key: 'a', error: undefined },
    { key: 'b', error: undefined },
  ])
  await world.stop()
})

/** The same store as another node has it: neither can ask the other what runs there. */
function elsewhere({ store }: World, digit: string): Store {
  const network = new LoopbackNetwork(nodeId(digit.repeat(64)))
  const { clock } = store
  return { ...store, operations: new RunningOperations({ network, clock, boot: digit }) }
}

test('a gate left closed by a node that cannot be asked is opened by the next write', async () => {
  for (const shardCount of [1, 4]) {
    const world = await openStore({ shardCount })
    const { store } = world
    const { id: bucket } = await createBucket(store, { name })
    const { operations } = elsewhere(world, 'e')
    const by = operations.begin().owner
    for (let shard = 0; shard < shardCount; shard += 1) {
      const partitionKey = objectPartitionKey(bucket, shard)
      const gate = { table: store.model.gate, partitionKey, key: GATE_KEY }
      await world.tables.change(gate, closeGateCommand(by))
    }
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const put = putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 9)) })
      await letPass(world)
      await put
      const deleted = deleteObject(store, { bucket, key })
      await letPass(world)
      await deleted
    }
    await deleteBucket(store, { bucket })
    await world.stop()
  }
})

test('a delete whose node is gone is taken over by the next one, whatever it closed', async () => {
  for (let closed = 1; closed <= 3; closed += 1) {
    const world = await openStore({ shardCount: 3 })
    const { store } = world
    const { id: bucket } = await createBucket(store, { name })
    const by = elsewhere(world, 'e').operations.begin().owner
    for (let shard = 0; shard < closed; shard += 1) {
      const partitionKey = objectPartitionKey(bucket, shard)
      const gate = { table: store.model.gate, partitionKey, key: GATE_KEY }
      await world.tables.change(gate, closeGateCommand(by))
    }
    await deleteBucket(store, { bucket })
    assert.equal(await codeOf(deleteBucket(store, { bucket })), 'NoSuchBucket')
    await world.stop()
  }
})

test('a delete that lost the first gate to another takes none of the others from it', async () => {
  const world = await openStore({ shardCount: 2 })
  const { id: bucket } = await createBucket(world.store, { name })
  const [slow, quick] = [elsewhere(world, 'd'), elsewhere(world, 'e')]
  const by = quick.operations.begin().owner
  const { tables } = world
  const [first, second] = gatesOf(slow, await bucketById(slow, bucket))
  const get: typeof tables.get = async (ref) => {
    if (ref.partitionKey === second!.partitionKey && ref.table.name === 'gate') {
      const closer = (await tables.get(first!))?.by
      await tables.change(first!, closeGateCommand(by, closer))
      await tables.change(second!, closeGateCommand(by))
    }
    return tables.get(ref)
  }
  const behind: Store = {
    ...slow,
    tables: {
      ...{ get, change: tables.change.bind(tables), page: tables.page.bind(tables) },
    } as Tables,
  }
  assert.equal(await codeOf(deleteBucket(behind, { bucket })), 'SlowDown')
  for (const gate of [first!, second!]) {
    assert.deepEqual(await tables.get(gate), { state: 'closing', by })
  }
  await world.stop()
})

test('nodes that cannot ask each other never delete a bucket under an acknowledged write', async () => {
  const outcomes = new Set<string>()
  for (let round = 0; round < 60; round += 1) {
    const rng = new SeededRng(round)
    const world = await openStore({ shardCount: 3 })
    const stores = ['c', 'd', 'e'].map((digit) => elsewhere(world, digit))
    const { id: bucket } = await createBucket(world.store, { name })
    let isOver = false
    const time = (async () => {
      for (; !isOver; await turns(1)) world.clock.advance(rng.below(120))
    })()
    const later = async (work: () => Promise<unknown>): Promise<unknown> => {
      await turns(rng.below(40))
      return codeOf(work())
    }
    const puts = ['a', 'b', 'c'].map((key, index) =>
      later(() =>
        putObject(stores[index]!, { bucket, key, metadata: [], body: bodyOf(content(1, 9)) }),
      ),
    )
    const deletes = stores.map((store) => later(() => deleteBucket(store, { bucket })))
    const isPut = (await Promise.all(puts)).includes('no error')
    const isDeleted = (await Promise.all(deletes)).includes('no error')
    isOver = true
    await time
    assert.ok(!(isPut && isDeleted), `round ${round}`)
    outcomes.add(isPut ? 'put' : isDeleted ? 'deleted' : 'neither')
    const found = await codeOf(headObject(world.store, { bucket, key: 'a' }))
    if (isDeleted) assert.equal(found, 'NoSuchBucket')
    await world.stop()
  }
  assert.ok(outcomes.has('put') && outcomes.has('deleted'), [...outcomes].join(' '))
})

test('LeftBuckets ends what a crash cut off', async () => {
  const world = await openStore()
  const { tables, store } = world
  const ids = ['11', '22', '33'].map((digits) => digits.repeat(32) as BucketId)
  const [lost, won, dying] = ids as [BucketId, BucketId, BucketId]
  const claims = [
    ['taken-name', won],
    ['dying-name', dying],
  ] as const
  for (const id of ids) {
    const wanted = id === dying ? 'dying-name' : 'taken-name'
    const ref = { table: store.model.bucket, partitionKey: BUCKETS, key: id }
    await tables.change(ref, createBucketCommand({ name: wanted, shardCount: 1 }))
  }
  for (const [taken, id] of claims) {
    const ref = { table: store.model.bucketName, partitionKey: NAMES, key: taken }
    await tables.change(ref, claimNameCommand(id))
  }
  await findBucketByName(store, 'dying-name')
  const { owner } = store.operations.begin()
  const gate = {
    table: store.model.gate,
    partitionKey: objectPartitionKey(dying, 0),
    key: GATE_KEY,
  }
  await tables.change(gate, closeGateCommand(owner))
  await tables.change(gate, {
    name: 'delete',
    args: { by: [owner.node, owner.boot, owner.number] },
  })

  const next = await world.crash()
  assert.equal(await leftBuckets(next.store, thisNode).finish(() => true), 3)
  assert.deepEqual(
    (await listBuckets(next.store)).map(({ id }) => id),
    [won],
  )
  assert.equal(await codeOf(headObject(next.store, { bucket: lost, key: 'a' })), 'NoSuchBucket')
  assert.equal(await findBucketByName(next.store, 'dying-name'), undefined)
  assert.equal(await leftBuckets(next.store, thisNode).finish(() => true), 0)
  await next.stop()
})

test('allowKey() and denyKey() are seen by the next lookup', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store, name)
  const { id: key } = await createKey(store, { name: 'other' })
  const seen = async (): Promise<unknown> => (await findBucketByName(store, name))?.keys.get(key)
  assert.equal(await seen(), undefined)
  const read = { read: true, write: false, owner: false }
  await allowKey(store, { bucket, key, permission: read })
  assert.deepEqual(await seen(), read)
  await allowKey(store, { bucket, key, permission: { ...read, read: false, write: true } })
  assert.deepEqual(await seen(), { read: true, write: true, owner: false })
  await denyKey(store, { bucket, key, permission: read })
  assert.deepEqual(await seen(), { read: false, write: true, owner: false })
  await deleteKey(store, key)
  assert.equal(await seen(), undefined)
  await world.stop()
})

test('changeBucketSettings() replaces what it names, and nothing else', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store, name)
  const quotas = { maxObjects: 5 }
  await changeBucketSettings(store, bucket, { quotas: { maxBytes: 9 } })
  await changeBucketSettings(store, bucket, { website: { indexDocument: 'a', rules: [] } })
  const { settings } = await changeBucketSettings(store, bucket, { quotas })
  assert.deepEqual(settings, { quotas, website: { indexDocument: 'a', rules: [] } })
  const rules = [{ redirect: { hostName: 'example.com' } }]
  await changeBucketSettings(store, bucket, { website: { indexDocument: 'a', rules } })
  const pages = { indexDocument: 'b', errorDocument: 'c' }
  const renamed = await changeBucketSettings(store, bucket, { pages })
  assert.deepEqual(renamed.settings, { quotas, website: { ...pages, rules } })
  await changeBucketSettings(store, bucket, { website: null })
  assert.deepEqual((await findBucketByName(store, name))?.settings, { quotas })
  await deleteBucket(store, { bucket })
  assert.equal(await codeOf(changeBucketSettings(store, bucket, { quotas })), 'NoSuchBucket')
  await world.stop()
})

test('deleteKey() takes a key out of all its buckets, and tells the other nodes once', async () => {
  const world = await openStore()
  const told: string[][] = []
  const store: Store = {
    ...world.store,
    announce: (rows) => {
      told.push(rows.map(({ table, name: row }) => `${table} ${row}`).sort())
      return world.store.announce(rows)
    },
  }
  const { id: owner } = await createKey(store, { name: 'owner' })
  const buckets: string[] = []
  for (let index = 0; index < 40; index += 1) {
    buckets.push((await createBucket(store, { name: `bucket-${index}`, owner })).id)
  }
  await deleteKey(store, owner)
  assert.deepEqual(told, [[`access-key ${owner}`, ...buckets.map((id) => `bucket ${id}`)].sort()])
  for (const { keys } of await listBuckets(store)) assert.equal(keys.size, 0)
  await world.stop()
})
