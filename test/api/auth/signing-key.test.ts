import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SIGNING_KEYS_MAX } from '../../../src/base/limits.ts'
import { deriveSigningKey, SigningKeys, signHex } from '../../../src/api/auth/signing-key.ts'

const scope = { date: '20120215', region: 'us-east-1', service: 'iam' }

// Source: AWS General Reference, "Examples of how to derive a signing key for Signature Version 4".
test('deriveSigningKey gives the key of the AWS documentation', () => {
  const key = deriveSigningKey('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', scope)
  assert.equal(
    key.export().toString('hex'),
    'f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d',
  )
})

test('SigningKeys remembers a bounded number, per scope and secret', () => {
  const keys = new SigningKeys()
  const name = { keyId: 'a', scope }
  const key = keys.of(name, 'secret')
  assert.notEqual(keys.of(name, 'secret'), key, 'only kept keys are remembered')
  keys.keep(name, 'secret', key)
  assert.equal(keys.of(name, 'secret'), key)
  assert.notEqual(keys.of(name, 'other'), key)
  assert.notEqual(
    signHex(keys.of({ keyId: 'a', scope: { ...scope, region: 'x' } }, 'secret'), ''),
    signHex(key, ''),
  )
  for (let n = 0; n < SIGNING_KEYS_MAX; n += 1) keys.keep({ keyId: `k${n}`, scope }, 's', key)
  assert.notEqual(keys.of(name, 'secret'), key, 'the oldest is forgotten')
})
