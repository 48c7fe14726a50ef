import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack, unpack } from '../../../src/base/codec.ts'
import {
  adminTokenLine,
  decodeAdminToken,
  encodeAdminToken,
  parseAdminTokenLine,
  type AdminTokenValue,
} from '../../../src/model/rows/admin-token.ts'

const made: AdminTokenValue = {
  deleted: false,
  name: 'a token',
  digest: Uint8Array.of(1, 2, 3),
  createdMicros: 1_700_000_000_000_001,
  expiresMicros: 1_800_000_000_000_000,
  scope: ['ListKeys', 'Metrics'],
}

test('encodeAdminToken() and decodeAdminToken() are inverse, through msgpack', () => {
  for (const value of [made, { ...made, deleted: true, expiresMicros: undefined, scope: [] }]) {
    assert.deepEqual(decodeAdminToken(unpack(pack(encodeAdminToken(value))), 1), value)
  }
  assert.throws(() => decodeAdminToken(encodeAdminToken(made), 2), TypeError)
})

test('the line of a token has not its digest', () => {
  const { deleted: _, digest: _digest, ...facts } = made
  assert.deepEqual(parseAdminTokenLine('abc', adminTokenLine(made)!), { ...facts, id: 'abc' })
  assert.equal(adminTokenLine({ ...made, deleted: true }), undefined)
})
