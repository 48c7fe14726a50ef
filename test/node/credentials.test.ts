import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newAccessKey, newToken } from '../../src/node/credentials.ts'

test('newAccessKey and newToken are of the shapes that clients take, and never the same', () => {
  const one = newAccessKey()
  assert.match(one.accessKeyId, /^GK[0-9a-f]{24}$/)
  assert.match(one.secretAccessKey, /^[0-9a-f]{64}$/)
  assert.notEqual(newAccessKey().accessKeyId, one.accessKeyId)
  assert.match(newToken(), /^[\w-]{43}$/)
  assert.notEqual(newToken(), newToken())
})
