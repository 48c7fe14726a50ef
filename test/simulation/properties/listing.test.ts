import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listingFaults } from '../../../src/simulation/properties/listing.ts'

test('a key that is listed twice, or out of order, is found', () => {
  assert.deepEqual(listingFaults(['a', 'b', 'ä']), [])
  assert.equal(listingFaults(['a', 'b', 'b']).length, 1)
  assert.equal(listingFaults(['b', 'a', 'c']).length, 1)
})
