import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack, unpack } from '../../../src/base/codec.ts'
import type { AccessKeyId } from '../../../src/base/ids.ts'
import {
  bucketLine,
  decodeBucket,
  encodeBucket,
  parseBucketLine,
  type BucketValue,
} from '../../../src/model/rows/bucket.ts'

const key = 'GK000000000000000000000001' as AccessKeyId

const made: BucketValue = {
  state: 'live',
  createdMicros: 1_700_000_000_000_001,
  shardCount: 4,
  names: ['photos', 'pictures'],
  localNames: [{ key, name: 'mine' }],
  keys: new Map([[key, { read: true, write: false, owner: true }]]),
  settings: {
    cors: [
      {
        allowedOrigins: ['https://*.example.com'],
        allowedMethods: ['GET'],
        allowedHeaders: [],
        exposeHeaders: ['etag'],
        maxAgeSeconds: 60,
      },
    ],
    quotas: { maxBytes: 1e12 },
  },
}

test('encodeBucket() and decodeBucket() are inverse, through msgpack', () => {
  assert.deepEqual(decodeBucket(unpack(pack(encodeBucket(made))), 2), made)
  assert.throws(() => decodeBucket(encodeBucket(made), 3), TypeError)
})

test('a bucket of format 1 has no local names and no settings', () => {
  const format1 = [1, made.createdMicros, 4, ['photos', 'pictures'], [[key, 5]]]
  const { settings: _, ...facts } = made
  assert.deepEqual(decodeBucket(format1, 1), { ...facts, localNames: [], settings: {} })
  const id = 'ab'.repeat(32)
  assert.deepEqual(parseBucketLine(id, JSON.stringify(format1)), { ...facts, id, localNames: [] })
})

test('the line of a bucket holds all but its settings', () => {
  const { settings: _, ...facts } = made
  assert.deepEqual(parseBucketLine('b', bucketLine(made)!), { ...facts, id: 'b' })
  assert.equal(bucketLine({ ...made, state: 'deleted' }), undefined)
})
