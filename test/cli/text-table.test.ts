import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sizeText, textFields, textTable } from '../../src/cli/text-table.ts'

test('textTable aligns columns, numbers to the right', () => {
  const rows = [
    ['alpha', '7'],
    ['ü', '1200'],
  ]
  assert.equal(textTable(['NAME', 'COUNT'], rows), 'NAME   COUNT\nalpha      7\nü       1200')
  assert.equal(textTable(['NAME', 'COUNT'], []), 'NAME  COUNT')
})

test('textFields lines the values up', () => {
  const fields = [['A', '1'] as const, ['Long', '2'] as const]
  assert.equal(textFields(fields), 'A     1\nLong  2')
})

test('sizeText shows three digits at most', () => {
  const shown = [0, 1023, 1024, 1536, 104_857_600, 5 * 1024 ** 4].map(sizeText)
  assert.deepEqual(shown, ['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '100 MiB', '5.0 TiB'])
})
