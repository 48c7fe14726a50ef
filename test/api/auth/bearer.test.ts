import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bearerCheck, bearerToken } from '../../../src/api/auth/bearer.ts'

test('bearerCheck takes the one token and nothing near it', () => {
  const check = bearerCheck('s3cret.token')
  assert.equal(check('Bearer s3cret.token'), true)
  assert.equal(check('bearer s3cret.token'), true)
  for (const header of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer s3cret',
    'Bearer s3cret.tokenx',
    'Bearer s3cret.token x',
    'Basic s3cret.token',
    's3cret.token',
    `Bearer ${'x'.repeat(1025)}`,
  ]) {
    assert.equal(check(header), false, header)
  }
})

test('bearerToken is undefined for other schemes', () => {
  assert.equal(bearerToken('Basic abc'), undefined)
  assert.equal(bearerToken('Bearer abc'), 'abc')
})
