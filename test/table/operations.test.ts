import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OPERATIONS_DONE_MAX, OPERATIONS_OPEN_MAX } from '../../src/base/limits.ts'
import { DoneMarks, nextOperations } from '../../src/table/operations.ts'
import type { OperationRecord } from '../../src/table/row.ts'

function record(id: string, time: number, done: 0 | 1 = 0): OperationRecord {
  return [id, time, done, 0, null]
}

function many(count: number, done: 0 | 1): OperationRecord[] {
  return Array.from({ length: count }, (_, index) => record(`${index}`, 100, done))
}

const added = record('new', 100)

const now = { spanMicros: 45, nowMicros: 100 }

test('nextOperations() drops what is older than two spans and marks what is known', () => {
  const found = [record('old', 9), record('known', 10), record('open', 11)]
  const next = nextOperations({ found, added, done: ['known'], ...now })
  assert.deepEqual(next, [record('known', 10, 1), record('open', 11), added])
})

test('nextOperations() keeps the newest of the done ones', () => {
  const found = many(OPERATIONS_DONE_MAX + 3, 1)
  const next = nextOperations({ found, added, done: undefined, ...now })
  assert.deepEqual(next, [...found.slice(3), added])
})

test('nextOperations() refuses one more than may be open, and makes room of done ones', () => {
  const found = many(OPERATIONS_OPEN_MAX, 0)
  const remembering = { found, added, ...now }
  assert.equal(nextOperations({ ...remembering, done: undefined }), undefined)
  assert.notEqual(nextOperations({ ...remembering, done: ['0'] }), undefined)
  // What is no more tried is remembered, and in nobody's way.
  const later = { ...remembering, nowMicros: 146, done: undefined }
  assert.equal(nextOperations(later)?.length, OPERATIONS_OPEN_MAX + 1)
})

test('DoneMarks forgets what a change has written down, and keeps what came meanwhile', () => {
  const done = new DoneMarks(2)
  done.add('r', 'a')
  done.add('r', 'b')
  assert.deepEqual(done.of('r'), ['a', 'b'])
  const carried = done.of('r')!
  done.add('r', 'c')
  done.written('r', carried)
  assert.deepEqual(done.of('r'), ['c'])
  done.written('r', ['c'])
  assert.equal(done.of('r'), undefined)
})
