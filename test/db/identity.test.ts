import assert from 'node:assert/strict'
import { createPublicKey, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import { newIdentity, nodeIdOf, nodeKeyOf } from '../../src/db/identity.ts'
import { systemRng } from '../../src/node/system/rng.ts'

test('newIdentity() draws a key whose public half is the node id', () => {
  const identity = newIdentity(systemRng())
  const key = nodeKeyOf(identity)
  assert.equal(key.asymmetricKeyType, 'ed25519')
  const message = Buffer.from('hello')
  assert.ok(verify(null, message, createPublicKey(key), sign(null, message, key)))
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  assert.equal(nodeIdOf(identity), Buffer.from(x!, 'base64url').toString('hex'))
  assert.notEqual(nodeIdOf(newIdentity(systemRng())), nodeIdOf(identity))
})

/** RFC 8032, 7.1, test 1. */
test('nodeIdOf() is the public key of RFC 8032', () => {
  const secret = Buffer.from(
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'hex',
  )
  const identity = newIdentity({ bytes: (length) => Uint8Array.from(secret.subarray(0, length)) })
  assert.equal(
    nodeIdOf(identity),
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  )
})
