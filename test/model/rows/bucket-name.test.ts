import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack, unpack } from '../../../src/base/codec.ts'
import type { BucketId } from '../../../src/base/ids.ts'
import type { BucketNameValue } from '../../../src/model/commands/bucket-name.ts'
import { decodeBucketName, encodeBucketName } from '../../../src/model/rows/bucket-name.ts'

const bucket = 'ab'.repeat(32) as BucketId

test('encodeBucketName() and decodeBucketName() are inverse, through msgpack', () => {
  const values: readonly BucketNameValue[] = [{ bucket, claimedMicros: 9 }, { bucket: undefined }]
  for (const value of values) {
    assert.deepEqual(decodeBucketName(unpack(pack(encodeBucketName(value))), 2), value)
  }
  assert.throws(() => decodeBucketName(['', 0], 3), TypeError)
})

test('a name of format 1 is a bucket without a time', () => {
  assert.deepEqual(decodeBucketName(bucket, 1), { bucket, claimedMicros: 0 })
  assert.deepEqual(decodeBucketName('', 1), { bucket: undefined })
})
