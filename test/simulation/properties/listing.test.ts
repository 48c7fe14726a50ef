import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differences, listingFaults } from '../../../src/simulation/properties/listing.ts'

test('a key that is listed twice, or out of order, is found', () => {
  assert.deepEqual(listingFaults(['a', 'b', 'ä']), [])
  assert.equal(listingFaults(['a', 'b', 'b']).length, 1)
  assert.equal(listingFaults(['b', 'a', 'c']).length, 1)
})

test('a line that is missing, left over or of another value is found', () => {
  const wanted = new Map([
    ['shard\0a', 'line of a'],
    ['shard\0b', 'line of b'],
  ])
  assert.deepEqual(differences(wanted, new Map(wanted)), [])
  const others = [
    [['shard\0a', 'line of a']],
    [...wanted, ['shard\0c', 'line of c']],
    [...wanted, ['shard\0a', 'another']],
  ] as const
  for (const found of others) assert.equal(differences(wanted, new Map(found)).length, 1)
})
