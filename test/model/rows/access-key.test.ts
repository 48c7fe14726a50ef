import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack, unpack } from '../../../src/base/codec.ts'
import type { BucketId } from '../../../src/base/ids.ts'
import {
  accessKeyLine,
  decodeAccessKey,
  encodeAccessKey,
  parseAccessKeyLine,
  type AccessKeyValue,
} from '../../../src/model/rows/access-key.ts'

const made: AccessKeyValue = {
  deleted: false,
  name: 'a key',
  sealedSecret: Uint8Array.of(1, 2, 3),
  createdMicros: 1_700_000_000_000_001,
  expiresMicros: undefined,
  mayCreateBucket: true,
  localNames: new Map([['mine', { bucket: 'ab'.repeat(32) as BucketId, claimedMicros: 7 }]]),
}

test('encodeAccessKey() and decodeAccessKey() are inverse, through msgpack', () => {
  assert.deepEqual(decodeAccessKey(unpack(pack(encodeAccessKey(made))), 3), made)
  assert.throws(() => decodeAccessKey(encodeAccessKey(made), 4), TypeError)
})

test('a key of format 1 has no names of its own', () => {
  const format1 = [0, 'a key', Uint8Array.of(1, 2, 3), made.createdMicros, 0, 1]
  assert.deepEqual(decodeAccessKey(format1, 1), { ...made, localNames: new Map() })
})

test('the names in a key of format 2 have no times', () => {
  const bucket = 'ab'.repeat(32) as BucketId
  const format2 = [0, 'a key', Uint8Array.of(1, 2, 3), made.createdMicros, 0, 1, [['mine', bucket]]]
  const localNames = new Map([['mine', { bucket, claimedMicros: 0 }]])
  assert.deepEqual(decodeAccessKey(format2, 2), { ...made, localNames })
})

test('the line of a key has neither its secret nor its names', () => {
  const { deleted: _, sealedSecret: _secret, localNames: _names, ...facts } = made
  assert.deepEqual(parseAccessKeyLine('GK1', accessKeyLine(made)!), { ...facts, id: 'GK1' })
  assert.equal(accessKeyLine({ ...made, deleted: true }), undefined)
})
