import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearestOf } from '../../src/config/nearest.ts'

test('nearestOf counts a swap of neighbours as one edit', () => {
  assert.equal(nearestOf('lsit', ['last', 'list']), 'list')
})

test('nearestOf suggests nothing that is far away', () => {
  assert.equal(nearestOf('banana', ['metadata_dir', 'data_dir']), undefined)
})
