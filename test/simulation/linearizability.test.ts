import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linearizationFault, type HistoryEntry } from '../../src/simulation/linearizability.ts'

function write(call: number, end: number, value: string): HistoryEntry {
  return { call, end, label: `write ${value}`, apply: () => value }
}

function read(call: number, end: number, value: string): HistoryEntry {
  const apply = (state: string): string | undefined => (state === value ? state : undefined)
  return { call, end, label: `read ${value}`, apply }
}

test('linearizationFault() passes a read that overlaps a write either way', () => {
  for (const seen of ['', 'a']) {
    const history = [write(0, 10, 'a'), read(1, 9, seen), read(11, 12, 'a')]
    assert.equal(linearizationFault(history, ''), undefined)
  }
})

test('linearizationFault() notices a read that misses a write that has ended', () => {
  assert.match(linearizationFault([write(0, 1, 'a'), read(2, 3, '')], '')!, /read/)
})

test('linearizationFault() notices a value that is un-read', () => {
  const history = [write(0, 10, 'a'), read(1, 2, 'a'), read(3, 4, '')]
  assert.notEqual(linearizationFault(history, ''), undefined)
})

test('linearizationFault() lets an unknown write take effect late, once, or never', () => {
  const unknown = write(0, Infinity, 'a')
  assert.equal(linearizationFault([unknown, read(5, 6, ''), read(7, 8, 'a')], ''), undefined)
  assert.equal(linearizationFault([unknown, read(5, 6, '')], ''), undefined)
  const twice = [unknown, read(1, 2, 'a'), write(3, 4, 'b'), read(5, 6, 'a')]
  assert.notEqual(linearizationFault(twice, ''), undefined)
})

test('linearizationFault() lets an operation that changes nothing now change something later', () => {
  const clear = { call: 1, end: 9, label: 'clear', mayWait: true, apply: () => '' }
  assert.equal(linearizationFault([write(0, 10, 'a'), clear, read(11, 12, '')], ''), undefined)
  assert.equal(linearizationFault([write(0, 10, 'a'), clear, read(11, 12, 'a')], ''), undefined)
  assert.notEqual(linearizationFault([clear, write(10, 11, 'a'), read(12, 13, '')], ''), undefined)
})
