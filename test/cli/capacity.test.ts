import assert from 'node:assert/strict'
import { test } from 'node:test'
import { capacityBytes } from '../../src/cli/capacity.ts'

test('capacityBytes says what it wants instead of what is no capacity', () => {
  assert.equal(capacityBytes('1.5T'), 1.5e12)
  assert.throws(() => capacityBytes('1X'), /"1X" is no capacity/)
})
