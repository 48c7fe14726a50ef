import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expirationAfter } from '../../src/cli/duration.ts'

test('expirationAfter reads what people write', () => {
  assert.equal(expirationAfter('90s', 0), '1970-01-01T00:01:30.000Z')
  assert.equal(expirationAfter('2 days', 0), '1970-01-03T00:00:00.000Z')
  for (const bad of ['', '5', 'd', '-1d', '1x', '9999999d']) {
    assert.throws(() => expirationAfter(bad, 0), /is no duration/, bad)
  }
})
