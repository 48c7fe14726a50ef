import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packRegister } from '../../../src/table/row.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import {
  Registers,
  registerRow,
  registersOf,
} from '../../../src/simulation/properties/registers.ts'

const all = [
  { kind: 'register', name: 'object', tag: 'o', placement: 'hash' },
  { kind: 'register', name: 'layout', tag: 'L', placement: 'cluster' },
  { kind: 'merged', name: 'part', tag: 't', placement: 'hash' },
] as never

test('a register has one name, whether a message or a row on disk tells of it', () => {
  const registers = new Registers(all)
  for (const table of ['object', 'layout']) {
    const name = { table, partitionKey: 'bucket', key: 'a' }
    assert.equal(registers.nameOfRow(registers.rowOf(name)), registers.nameOf(name))
  }
  assert.equal(registers.nameOfRow('t00upload\x0000001'), undefined)
})

test('a node that has not started yet says nothing of its tables', () => {
  assert.equal(registersOf({ product: undefined } as SimulatedNode), undefined)
})

test('a row is unpacked once', () => {
  const ballot = { layout: 1, readmissions: 0, time: 5, node: 'n' }
  const stored = packRegister({ ballot, operations: [], sides: [], version: 0, value: null })
  assert.deepEqual(registerRow(stored).ballot, ballot)
  assert.equal(registerRow(stored), registerRow(stored))
})
