import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ballotZero, type Ballot } from '../../src/base/ballot.ts'
import { admitsPromise, admitsRow, floorOf } from '../../src/table/admission.ts'

function at(time: number, layout = 0): Ballot {
  return { layout, readmissions: 0, time, node: 'n' }
}

test('floorOf() is the highest of row, promise and partition floor', () => {
  assert.deepEqual(floorOf({ row: at(1), promise: at(3), partitionFloor: at(2) }), at(3))
  assert.deepEqual(floorOf({ row: at(1), promise: undefined, partitionFloor: at(2) }), at(2))
  assert.deepEqual(floorOf({ row: at(1, 1), promise: at(9), partitionFloor: ballotZero }), at(1, 1))
})

test('admitsPromise() wants more than the floor, admitsRow() no less', () => {
  assert.deepEqual(
    [at(1), at(2), at(3)].map((ballot) => admitsPromise(ballot, at(2))),
    [false, false, true],
  )
  assert.deepEqual(
    [at(1), at(2), at(3)].map((ballot) => admitsRow(ballot, at(2))),
    [false, true, true],
  )
})

test('admitsPromise() refuses the times of what was collected in any epoch', () => {
  assert.deepEqual(
    [at(4, 3), at(5, 3), at(6, 3)].map((ballot) => admitsPromise(ballot, at(2), 5)),
    [false, false, true],
  )
})
