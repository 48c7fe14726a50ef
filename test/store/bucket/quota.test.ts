import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BucketId } from '../../../src/base/ids.ts'
import type { Counts } from '../../../src/model/counter.table.ts'
import type { Quotas } from '../../../src/model/rows/bucket-settings.ts'
import { bucketUsage, changeBucketSettings } from '../../../src/store/bucket/bucket.ts'
import { copyObject } from '../../../src/store/object/copy-object.ts'
import { deleteObject } from '../../../src/store/object/delete-object.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { StoreError } from '../../../src/store/errors.ts'
import type { Store } from '../../../src/store/store.ts'
import { completeUpload } from '../../../src/store/upload/complete-upload.ts'
import { createUpload } from '../../../src/store/upload/multipart.ts'
import { uploadPart } from '../../../src/store/upload/upload-part.ts'
import { bodyOf, bucketOf, codeOf, content, openStore } from '../harness.ts'

async function quotaBucket(store: Store, quotas: Quotas): Promise<BucketId> {
  const { bucket } = await bucketOf(store)
  await changeBucketSettings(store, bucket, { quotas })
  return bucket
}

interface Put {
  readonly bucket: BucketId
  readonly key: string
  readonly size: number
  readonly isLengthKnown?: boolean
}

async function put(store: Store, { bucket, key, size, isLengthKnown = true }: Put): Promise<void> {
  const body = bodyOf(content(1, size), { isLengthKnown })
  await putObject(store, { bucket, key, metadata: [], body })
}

test('putObject() fills a bucket up to its quotas and not beyond', async () => {
  const world = await openStore()
  const { store } = world
  const bucket = await quotaBucket(store, { maxBytes: 100, maxObjects: 3 })
  await put(store, { bucket, key: 'a', size: 60 })
  await put(store, { bucket, key: 'b', size: 40 })
  for (const isLengthKnown of [true, false]) {
    const over = put(store, { bucket, key: 'c', size: 1, isLengthKnown })
    assert.equal(await codeOf(over), 'QuotaExceeded')
  }
  await put(store, { bucket, key: 'c', size: 0 })
  assert.equal(await codeOf(put(store, { bucket, key: 'd', size: 0 })), 'QuotaExceeded')
  assert.deepEqual(await bucketUsage(store, bucket), { objects: 3, bytes: 100, uploads: 0 })
  await world.stop()
})

test('putObject() counts what it replaces, and lets a full bucket shrink', async () => {
  const world = await openStore()
  const { store } = world
  const bucket = await quotaBucket(store, { maxBytes: 100, maxObjects: 1 })
  await put(store, { bucket, key: 'a', size: 90 })
  await put(store, { bucket, key: 'a', size: 100 })
  assert.equal(await codeOf(put(store, { bucket, key: 'a', size: 101 })), 'QuotaExceeded')
  await changeBucketSettings(store, bucket, { quotas: { maxBytes: 10, maxObjects: 0 } })
  await put(store, { bucket, key: 'a', size: 50 })
  assert.equal(await codeOf(put(store, { bucket, key: 'a', size: 51 })), 'QuotaExceeded')
  await deleteObject(store, { bucket, key: 'a' })
  await changeBucketSettings(store, bucket, { quotas: null })
  await put(store, { bucket, key: 'a', size: 1000 })
  await world.stop()
})

test('a refusal says what is held, what is allowed and what to do', async () => {
  const world = await openStore()
  const bucket = await quotaBucket(world.store, { maxBytes: 5 })
  await put(world.store, { bucket, key: 'a', size: 4 })
  await assert.rejects(put(world.store, { bucket, key: 'b', size: 3 }), (error) => {
    assert.ok(error instanceof StoreError)
    assert.match(error.message, /add 3 bytes to 4, the bucket's quota is 5\. Delete objects/)
    assert.match(error.message, /hangar bucket set-quotas \S+ --max-size/)
    return true
  })
  await world.stop()
})

test('putObject() refuses before the body where its length is known', async () => {
  const world = await openStore()
  const bucket = await quotaBucket(world.store, { maxBytes: 10 })
  const unread = {
    [Symbol.asyncIterator]: () => {
      throw new Error('the body was read')
    },
  }
  const body = { pieces: unread, length: 11, expect: () => ({}) }
  const over = putObject(world.store, { bucket, key: 'a', metadata: [], body })
  assert.equal(await codeOf(over), 'QuotaExceeded')
  const upload = await createUpload(world.store, { bucket, key: 'a', metadata: [] })
  const part = { bucket, key: 'a', uploadId: upload.uploadId, partNumber: 1, body }
  assert.equal(await codeOf(uploadPart(world.store, part)), 'QuotaExceeded')
  await world.stop()
})

test('completeUpload() is held to the quotas, and its upload stays for another try', async () => {
  const world = await openStore()
  const { store } = world
  const bucket = await quotaBucket(store, { maxBytes: 100 })
  const { uploadId } = await createUpload(store, { bucket, key: 'a', metadata: [] })
  const body = bodyOf(content(1, 60))
  const { etag } = await uploadPart(store, { bucket, key: 'a', uploadId, partNumber: 1, body })
  await put(store, { bucket, key: 'b', size: 50 })
  const parts = [{ partNumber: 1, etag }]
  const complete = () => completeUpload(store, { bucket, key: 'a', uploadId, parts })
  assert.equal(await codeOf(complete()), 'QuotaExceeded')
  await deleteObject(store, { bucket, key: 'b' })
  const done = await complete()
  await put(store, { bucket, key: 'b', size: 40 })
  // A repeated call is no new object.
  assert.equal((await complete()).etag, done.etag)
  await world.stop()
})

test('writes at once fill the quota exactly: none is refused that fits, none too many is taken', async () => {
  const world = await openStore()
  const { store } = world
  const bucket = await quotaBucket(store, { maxObjects: 20, maxBytes: 1000 })
  const puts = Array.from({ length: 60 }, (_, index) =>
    codeOf(put(store, { bucket, key: `k${index}`, size: 10 })),
  )
  const codes = await Promise.all(puts)
  assert.equal(codes.filter((code) => code === 'QuotaExceeded').length, 40)
  assert.deepEqual(await bucketUsage(store, bucket), { objects: 20, bytes: 200, uploads: 0 })
  const same = Array.from({ length: 12 }, () => put(store, { bucket, key: 'k0', size: 500 }))
  await Promise.allSettled(same)
  const { bytes } = await bucketUsage(store, bucket)
  assert.ok(bytes <= 1000, `${bytes} bytes`)
  await world.stop()
})

test('counts of another owner are asked once a second, and again before a refusal', async () => {
  const world = await openStore()
  let asked = 0
  let held: Counts = { objects: 0, bytes: 0, uploads: 0 }
  const counts = (): Promise<Counts> => {
    asked += 1
    return Promise.resolve(held)
  }
  const store: Store = { ...world.store, counts }
  const bucket = await quotaBucket(store, { maxBytes: 100 })
  for (const key of ['a', 'b', 'c']) await put(store, { bucket, key, size: 10 })
  assert.equal(asked, 1)
  // With 30 bytes written since, 71 more do not fit by the copy; the owner says that they do.
  await put(store, { bucket, key: 'd', size: 71 })
  assert.ok(asked > 1)
  held = { objects: 4, bytes: 101, uploads: 0 }
  assert.equal(await codeOf(put(store, { bucket, key: 'e', size: 30 })), 'QuotaExceeded')
  await world.stop()
})

test('a bucket without quotas is never counted', async () => {
  const world = await openStore()
  const counts = (): Counts => {
    throw new Error('counted')
  }
  const store: Store = { ...world.store, counts }
  const { bucket } = await bucketOf(store)
  await put(store, { bucket, key: 'a', size: 10 })
  await world.stop()
})

test('copyObject() is held to the quotas of its destination', async () => {
  const world = await openStore()
  const { store } = world
  const bucket = await quotaBucket(store, { maxBytes: 100 })
  await put(store, { bucket, key: 'a', size: 60 })
  const copy = (key: string): Promise<unknown> =>
    copyObject(store, {
      ...{ bucket, key, source: { bucket, key: 'a' } },
      judge: () => undefined,
      metadata: (stored) => stored,
    })
  assert.equal(await codeOf(copy('b')), 'QuotaExceeded')
  assert.equal(await codeOf(copy('a')), 'no error')
  assert.deepEqual(await bucketUsage(store, bucket), { objects: 1, bytes: 60, uploads: 0 })
  await world.stop()
})
