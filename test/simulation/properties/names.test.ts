import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameFaults } from '../../../src/simulation/properties/names.ts'

test('a name that two were given, or that nodes know differently, is found', () => {
  const right = { name: 'n', winners: ['1'], found: ['1', '1'] }
  assert.deepEqual(nameFaults(right), [])
  assert.deepEqual(nameFaults({ ...right, winners: [] }), [])
  assert.deepEqual(nameFaults({ name: 'n', winners: [], found: [undefined, undefined] }), [])
  assert.equal(nameFaults({ ...right, winners: ['1', '2'] }).length, 2)
  assert.equal(nameFaults({ ...right, found: ['1', undefined] }).length, 1)
  assert.equal(nameFaults({ ...right, found: ['2', '2'] }).length, 1)
})
