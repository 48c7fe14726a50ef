import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BucketId } from '../../../src/base/ids.ts'
import { createBucketCommand } from '../../../src/model/commands/bucket.ts'
import { BUCKETS } from '../../../src/model/rows/bucket.ts'
import { LeftBuckets } from '../../../src/node/buckets/left-buckets.ts'
import { allBuckets } from '../../../src/store/bucket/bucket.ts'
import { openTestStore } from '../../support/open-store.ts'

test('LeftBuckets leaves a bucket alone that may still be in the making', async () => {
  const opened = await openTestStore()
  const { store } = opened
  const ref = { table: store.model.bucket, partitionKey: BUCKETS, key: '11'.repeat(32) as BucketId }
  await store.tables.change(ref, createBucketCommand({ name: 'half-made', shardCount: 1 }))
  const worker = new LeftBuckets(store)
  await worker.work()
  assert.deepEqual(
    (await allBuckets(store)).map(({ state }) => state),
    ['pending'],
  )
  await worker.work()
  assert.deepEqual(await allBuckets(store), [])
  await opened.close()
})

test('LeftBuckets asks for nothing while there is no layout', async () => {
  const worker = new LeftBuckets(undefined as never, () => false)
  assert.equal(await worker.work(), 'idle')
})
