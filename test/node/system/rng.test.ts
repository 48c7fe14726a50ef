import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRng } from '../../../src/node/system/rng.ts'

test('bytes() never gives the same bytes twice, and they belong to the caller', () => {
  const rng = systemRng()
  const seen = new Set<string>()
  for (let round = 0; round < 2000; round += 1) {
    const bytes = rng.bytes(16)
    assert.equal(bytes.length, 16)
    assert.equal(bytes.buffer.byteLength, 16)
    seen.add(Buffer.from(bytes).toString('hex'))
  }
  assert.equal(seen.size, 2000)
  assert.equal(rng.bytes(100_000).length, 100_000)
  assert.equal(rng.bytes(0).length, 0)
})
