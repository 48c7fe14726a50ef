import assert from 'node:assert/strict'
import { test } from 'node:test'
import { removeBucketCommand } from '../../../src/model/commands/bucket.ts'
import { fullPermission } from '../../../src/model/rows/permission.ts'
import {
  accessKeyById,
  createKey,
  deleteKey,
  type AccessKey,
} from '../../../src/store/access-key.ts'
import {
  bucketRef,
  createBucket,
  findBucketByName,
  finishPending,
  listBuckets,
} from '../../../src/store/bucket/bucket.ts'
import { deleteBucket } from '../../../src/store/bucket/delete-bucket.ts'
import { addBucketName, removeBucketName, resolveBucket } from '../../../src/store/bucket/names.ts'
import { bucketById, type Store } from '../../../src/store/store.ts'
import { codeOf, openStore, tally } from '../harness.ts'

/** What a request of the key means by a name now. */
async function meant(store: Store, { id }: AccessKey, name: string): Promise<string | undefined> {
  return (await resolveBucket(store, name, await accessKeyById(store, id)))?.id
}

test("resolveBucket() takes a key's own name first, then the one for all, then an id", async () => {
  const world = await openStore()
  const { store } = world
  const [one, other] = [
    await createKey(store, { name: 'a' }),
    await createKey(store, { name: 'b' }),
  ]
  const ofAll = (await createBucket(store, { name: 'photos' })).id
  const local = { key: one.id, name: 'photos', permission: fullPermission }
  const own = (await createBucket(store, { local })).id
  assert.equal(await meant(store, one, 'photos'), own)
  assert.equal(await meant(store, other, 'photos'), ofAll)
  assert.equal(await meant(store, other, own), own)
  assert.equal(await meant(store, other, 'f'.repeat(64)), undefined)
  const { localNames, keys } = await bucketById(store, own)
  assert.deepEqual(localNames, [{ key: one.id, name: 'photos' }])
  assert.deepEqual(keys.get(one.id), fullPermission)
  await deleteBucket(store, { bucket: own })
  assert.equal(await meant(store, one, 'photos'), ofAll)
  await world.stop()
})

test('a name is won by one of many buckets, for all or for one key', async () => {
  const world = await openStore()
  const { store } = world
  const { id: key } = await createKey(store, { name: 'a' })
  const made = [1, 2, 3, 4, 5].map((each) => createBucket(store, { name: `bucket-${each}` }))
  const ids = (await Promise.all(made)).map(({ id }) => id)
  for (const named of [{ name: 'wanted' }, { name: 'wanted', key }]) {
    const codes = await Promise.all(ids.map((id) => codeOf(addBucketName(store, id, named))))
    assert.deepEqual(tally(codes), { BucketAlreadyExists: 4, 'no error': 1 })
  }
  const buckets = await listBuckets(store)
  const winner = (await findBucketByName(store, 'wanted'))!.id
  assert.deepEqual(
    buckets.filter(({ names }) => names.includes('wanted')).map(({ id }) => id),
    [winner],
  )
  const owner = (await accessKeyById(store, key)).localNames.get('wanted')
  assert.deepEqual(
    buckets.filter(({ localNames }) => localNames.length > 0).map(({ id }) => id),
    [owner],
  )
  await world.stop()
})

test('the last name of a bucket stays; one that is taken away is free at once', async () => {
  const world = await openStore()
  const { store } = world
  const { id: key } = await createKey(store, { name: 'a' })
  const { id } = await createBucket(store, { name: 'first' })
  assert.equal(await codeOf(removeBucketName(store, id, { name: 'first' })), 'LastBucketName')
  await addBucketName(store, id, { name: 'mine', key })
  await addBucketName(store, id, { name: 'mine', key })
  assert.equal(await removeBucketName(store, id, { name: 'first' }), true)
  assert.equal(await removeBucketName(store, id, { name: 'first' }), false)
  assert.equal(await findBucketByName(store, 'first'), undefined)
  await createBucket(store, { name: 'first' })
  assert.equal(await codeOf(addBucketName(store, id, { name: 'first' })), 'BucketAlreadyExists')
  assert.equal(await codeOf(addBucketName(store, id, { name: 'No' })), 'InvalidBucketName')
  await world.stop()
})

test("deleteKey() takes a key's names out of its buckets", async () => {
  const world = await openStore()
  const { store } = world
  const { id: key } = await createKey(store, { name: 'a' })
  const { id } = await createBucket(store, { name: 'first' })
  await addBucketName(store, id, { name: 'mine', key })
  await deleteKey(store, key)
  assert.deepEqual((await bucketById(store, id)).localNames, [])
  await world.stop()
})

test('a name whose bucket went away without it is for the next who wants it', async () => {
  const world = await openStore()
  const { store } = world
  const key = await createKey(store, { name: 'a' })
  const local = { key: key.id, name: 'mine', permission: fullPermission }
  const { id } = await createBucket(store, { local })
  await store.tables.change(bucketRef(store, id), removeBucketCommand({ pendingOnly: false }))
  assert.equal(await meant(store, key, 'mine'), undefined)
  const next = await createBucket(store, { local })
  assert.equal(await meant(store, key, 'mine'), next.id)
  await world.stop()
})

test('a bucket whose making was cut off is live when it won its name, else gone', async () => {
  const world = await openStore()
  const { store } = world
  const { id: key } = await createKey(store, { name: 'a' })
  const local = { key, name: 'mine', permission: fullPermission }
  const { id } = await createBucket(store, { local })
  const row = await bucketById(store, id)
  await finishPending(store, { ...row, state: 'pending' })
  assert.equal((await bucketById(store, id)).state, 'live')
  await world.stop()
})
