import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ballotZero } from '../../../src/base/ballot.ts'
import { pack, unpack } from '../../../src/base/codec.ts'
import type { LayoutHistory } from '../../../src/cluster/layout/history.ts'
import {
  applyLayoutCommand,
  foundLayoutCommand,
  loseNodeCommand,
  readmitNodeCommand,
  revertLayoutCommand,
  skipNodesCommand,
  stageLayoutCommand,
  trackNodeCommand,
} from '../../../src/model/commands/layout.ts'
import { buildLayoutTable, LAYOUT_KEY } from '../../../src/model/layout.table.ts'
import type { Command, Outcome } from '../../../src/table/schema.ts'
import { firstOf, nodeOf, storing, wishes } from '../../cluster/layout/members.ts'

const table = buildLayoutTable(() => undefined)

/** Runs a command as it arrives: packed and unpacked. */
function run(value: LayoutHistory | undefined, command: Command): Outcome<LayoutHistory> {
  const { name, args } = unpack(pack(command)) as Command
  const place = { partitionKey: LAYOUT_KEY, key: LAYOUT_KEY }
  return table.commands[name]!.run({ ...place, value, sides: [], ballot: ballotZero, args })
}

function written(value: LayoutHistory | undefined, command: Command): LayoutHistory {
  const outcome = run(value, command)
  assert.equal(outcome.kind, 'write')
  return (outcome as { value: LayoutHistory }).value
}

function codeOf(outcome: Outcome<LayoutHistory>): string {
  return outcome.kind === 'refuse' ? outcome.code : outcome.kind
}

test('found writes once, and nothing else works before it', () => {
  const first = firstOf(3, 3)
  assert.equal(codeOf(run(undefined, applyLayoutCommand(2))), 'NoLayout')
  assert.deepEqual(written(undefined, foundLayoutCommand(first)), first)
  assert.deepEqual(run(first, foundLayoutCommand(firstOf(2, 2))), { kind: 'answer', answer: 1 })
})

test('two that apply the same version: one is refused', () => {
  const staged = written(firstOf(3, 3), stageLayoutCommand(wishes([nodeOf(3), storing('z')])))
  const applied = written(staged, applyLayoutCommand(2))
  assert.equal(codeOf(run(applied, applyLayoutCommand(2))), 'WrongVersion')
  assert.equal(codeOf(run(applied, revertLayoutCommand())), 'write')
})

test('each command travels as plain data and does what its name says', () => {
  const first = firstOf(3, 3)
  const report = { node: nodeOf(0), incarnation: 'i1', layout: 1, readmissions: 0 }
  const tracked = written(first, trackNodeCommand(report))
  assert.equal(tracked.nodes.get(nodeOf(0))?.incarnation, 'i1')
  assert.deepEqual(run(tracked, trackNodeCommand(report)).kind, 'answer', 'no news, no write')
  const lost = written(tracked, loseNodeCommand(nodeOf(0)))
  assert.equal(codeOf(run(lost, trackNodeCommand(report))), 'NotFenced')
  const back = written(lost, readmitNodeCommand(nodeOf(0), { incarnation: 'i2', replaces: 'i1' }))
  assert.equal(back.nodes.get(nodeOf(0))?.incarnation, 'i2')
  const request = { version: 2, nodes: [nodeOf(1)], allowMissingData: false }
  assert.equal(codeOf(run(back, skipNodesCommand(request))), 'UnknownLayout')
})
