import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide, type Deciding, type Step, type Task } from '../../src/table/decide.ts'
import type { RegisterRow } from '../../src/table/row.ts'
import { rules } from '../../src/table/rules.ts'
import { defineRegister } from '../../src/table/schema.ts'

const numbers = defineRegister<unknown>({
  name: 'number',
  tag: 'n',
  placement: 'hash',
  sides: [{ name: 'note', tag: 'o', isNamed: () => true }],
  indexes: [],
  version: 1,
  encode: (value) => value,
  decode: (stored) => stored,
  commands: {
    set: {
      run: ({ args }) => ({
        kind: 'write',
        value: args,
        sides: [{ side: 'note', sortKey: 's', row: undefined }],
        answer: 'set',
      }),
    },
    refuse: { run: () => ({ kind: 'refuse', code: 'No' }) },
  },
})

function ballot(time: number): RegisterRow['ballot'] {
  return { layout: 0, readmissions: 0, time, node: 'n' }
}

const row: RegisterRow = {
  ballot: ballot(10),
  operations: [['before', 10, 0, 0, 'remembered']],
  sides: [['note', 's', 0]],
  version: 1,
  value: 1,
}

function step(
  command: string,
  parts: { task?: Partial<Task>; deciding?: Partial<Deciding> },
): Step {
  const task: Task = {
    ...{ key: 'k', kind: 'change', operation: 'op', firstTime: 20, above: 0, end: undefined },
    ...{ isPinned: true, isOwn: true, isExposed: false },
    command: { name: command, args: 2 },
    ...parts.task,
  }
  return decide({
    ...{ table: numbers, partitionKey: 'p', task, ballot: ballot(20), done: undefined, rules },
    heard: { row, isSettled: true, sides: [], reads: [] },
    ...parts.deciding,
  })
}

test('decide() finishes first what owners differ on, with its sides, and runs nothing', () => {
  const sides = [{ side: 'note', sortKey: 's', row: 'text' }]
  const heard = { row, isSettled: false, sides, reads: [] }
  assert.deepEqual(step('set', { deciding: { heard } }), {
    kind: 'accept',
    item: { key: 'k', row: { ...row, ballot: ballot(20) }, sides, base: null },
    then: undefined,
    exposes: false,
  })
})

test('decide() runs a command on a chosen row and names it as its base', () => {
  const made = step('set', {})
  assert.ok(made.kind === 'accept')
  assert.deepEqual(made.item.base, row.ballot)
  assert.deepEqual([made.item.row.value, made.item.row.sides], [2, [['note', 's', 1]]])
  assert.deepEqual(made.then, { kind: 'answer', answer: 'set' })
})

test('decide() runs no command at a ballot that is not later than the row', () => {
  const made = step('set', { deciding: { ballot: { ...ballot(10), layout: 5 } } })
  assert.deepEqual(made, { kind: 'above', time: 10 })
})

test('decide() gives a remembered operation its answer', () => {
  assert.deepEqual(step('set', { task: { operation: 'before' } }), {
    kind: 'end',
    end: { kind: 'answer', answer: 'remembered' },
  })
})

test('decide() refuses at once, but writes a refusal down once an attempt is out', () => {
  assert.equal(step('refuse', {}).kind, 'end')
  const made = step('refuse', { task: { isExposed: true } })
  assert.ok(made.kind === 'accept')
  assert.equal(made.item.row.value, 1)
  assert.deepEqual(made.item.row.operations.at(-1), ['op', 20, 0, 1, ['No', {}]])
  assert.ok(made.then?.kind === 'error' && made.then.error.details['code'] === 'No')
})

test('decide() settles a register that was never written under a ballot', () => {
  const heard = { row: undefined, isSettled: true, sides: [], reads: [] }
  const made = step('set', { task: { kind: 'settle' }, deciding: { heard } })
  assert.ok(made.kind === 'accept')
  assert.deepEqual([made.item.row.version, made.item.row.ballot.time], [0, 20])
})
