import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pauseAfter, retryDelayMs } from '../../src/worker/tranquilizer.ts'

test('pauseAfter is a multiple of the step, and bounded', () => {
  assert.equal(pauseAfter(3000, 2), 6)
  assert.equal(pauseAfter(3000, 0), 0)
  assert.equal(pauseAfter(60_000_000, 3), 10_000)
})

test('retryDelayMs doubles up to a minute', () => {
  assert.deepEqual([1, 2, 3].map(retryDelayMs), [200, 400, 800])
  assert.equal(retryDelayMs(1000), 60_000)
})
