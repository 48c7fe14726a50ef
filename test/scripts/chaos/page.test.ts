import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CellResult } from '../../../scripts/chaos/cell.ts'
import { tableWith } from '../../../scripts/chaos/page.ts'

function result(workload: string, fault: string, operations: number): CellResult {
  return {
    ...{
      workload,
      fault,
      operations,
      attempts: operations,
      seed: 1,
      seconds: 15,
      ok: operations,
      refused: 0,
      unknown: 0,
    },
    ...{
      unknownPercent: 0,
      strikes: 2,
      slowestMs: 9,
      sameAfterMs: 100,
      cleanAfterMs: 200,
      blocksDeleted: 0,
    },
    ...{ violations: [], reasons: {}, told: [] },
  }
}

test('tableWith() puts a result in the place of the earlier one, in the order of the cells', () => {
  let table = tableWith('', result('W4', 'kill', 10))
  table = tableWith(table, result('W1', 'power', 20))
  table = tableWith(table, result('W4', 'kill', 30))
  assert.deepEqual(
    table.split('\n').filter((line) => line.startsWith('| W')),
    [
      '| W1 | power | 1 | 15 | 20 | 20 | 0 | 0 | 0 | 2 | 9 | 100 | 200 |',
      '| W4 | kill | 1 | 15 | 30 | 30 | 0 | 0 | 0 | 2 | 9 | 100 | 200 |',
    ],
  )
})
