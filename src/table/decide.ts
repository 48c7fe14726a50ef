/** What an attempt does next, from what the promises showed. Pure. */

import { ballotZero, compareBallots, type Ballot } from '../base/ballot.ts'
import type { NodeId } from '../base/ids.ts'
import type { Votes } from '../cluster/votes.ts'
import { TableError } from './errors.ts'
import { valueOf } from './owner/local.ts'
import type { AcceptItem, PromiseResult, SideRow } from './messages.ts'
import { nextOperations } from './operations.ts'
import type { OperationRecord, RegisterRow } from './row.ts'
import type { Rules } from './rules.ts'
import type { Command, Outcome, Plain, RegisterTable } from './schema.ts'

/** One register that a coordinator works on until it has an end. */
export interface Task {
  readonly key: string
  /** `settle` always accepts again what it finds; `repair` only when the owners differ. */
  readonly kind: 'change' | 'settle' | 'repair'
  readonly command: Command | undefined
  readonly operation: string
  /** No attempt is made further from it than the span of an operation. */
  firstTime: number
  /** Whether `firstTime` was given and so may not follow a register that runs ahead. */
  readonly isPinned: boolean
  /** Whether this node alone knows the outcome, and may mark it as known: no other may yet make it. */
  isOwn: boolean
  /** An earlier attempt, here or at another node, may yet take effect. */
  isExposed: boolean
  /** Ballots up to this time are known to be refused. */
  above: number
  end: TaskEnd | undefined
}

export type TaskEnd =
  | { readonly kind: 'answer'; readonly answer: Plain }
  | { readonly kind: 'row'; readonly row: RegisterRow | undefined }
  | { readonly kind: 'error'; readonly error: TableError }

export type Promised = Extract<PromiseResult, { kind: 'promised' }>

/** What a quorum of promises showed of one register. */
export interface Heard {
  readonly row: RegisterRow | undefined
  /** A quorum of every list holds exactly this row: it was chosen. */
  readonly isSettled: boolean
  readonly sides: readonly SideRow[]
  readonly reads: readonly (Plain | undefined)[]
}

/** The next step of a task. `accept` leads to `then` once chosen; undefined: another round. */
export type Step =
  | { readonly kind: 'end'; readonly end: TaskEnd }
  | { readonly kind: 'above'; readonly time: number }
  | {
      readonly kind: 'accept'
      readonly item: AcceptItem
      readonly then: TaskEnd | undefined
      /** The row carries this operation: from now on it may take effect. */
      readonly exposes: boolean
    }

export function hear(
  answers: readonly { readonly node: NodeId; readonly result: Promised }[],
  holders: Votes,
): Heard {
  let best = answers[0]!
  for (const answer of answers) {
    if (compareBallots(rowBallot(answer.result), rowBallot(best.result)) > 0) best = answer
  }
  const ballot = rowBallot(best.result)
  for (const { node, result } of answers) {
    if (compareBallots(rowBallot(result), ballot) === 0) holders.add(node, true)
  }
  // A side row is written once, so any owner that holds it holds the right one.
  const reads = best.result.reads.map((_, index) => {
    const holder = answers.find(({ result }) => (result.reads[index] ?? null) !== null)
    return holder?.result.reads[index] ?? undefined
  })
  const { row, sides } = best.result
  return { row: row ?? undefined, isSettled: holders.isWon, sides, reads }
}

function rowBallot(result: Promised): Ballot {
  return result.row?.ballot ?? ballotZero
}

export interface Deciding {
  readonly table: RegisterTable<unknown>
  readonly partitionKey: string
  readonly task: Task
  readonly ballot: Ballot
  readonly heard: Heard
  readonly done: readonly string[] | undefined
  readonly rules: Rules
}

export function decide(deciding: Deciding): Step {
  const { task, heard, rules } = deciding
  if (!heard.isSettled && (task.kind !== 'repair' || rules.writesBack)) {
    const row = again(deciding, heard.row?.operations ?? [])
    const isEnough = task.kind !== 'change'
    const then: TaskEnd | undefined = isEnough ? { kind: 'row', row: row.row } : undefined
    return { kind: 'accept', item: row, then, exposes: false }
  }
  switch (task.kind) {
    case 'repair':
      return { kind: 'end', end: { kind: 'row', row: heard.row } }
    case 'settle': {
      const item = again(deciding, heard.row?.operations ?? [])
      return { kind: 'accept', item, then: { kind: 'row', row: item.row }, exposes: false }
    }
    case 'change':
      return decideChange(deciding)
  }
}

function decideChange(deciding: Deciding): Step {
  const { task, heard, ballot } = deciding
  const remembered = heard.row?.operations.find(([id]) => id === task.operation)
  if (remembered !== undefined) return { kind: 'end', end: rememberedEnd(remembered) }
  // So two versions of a key never share a time, whatever their epochs.
  const foundTime = heard.row?.ballot.time ?? 0
  if (ballot.time <= foundTime) return { kind: 'above', time: foundTime }
  const outcome = runCommand(deciding)
  switch (outcome.kind) {
    case 'write':
      return write(deciding, outcome)
    case 'answer':
      return withoutWrite(deciding, 0, outcome.answer)
    case 'refuse':
      return withoutWrite(deciding, 1, [outcome.code, outcome.details ?? {}])
  }
}

function runCommand(deciding: Deciding): Outcome<unknown> {
  const { table, partitionKey, task, heard, ballot } = deciding
  const command = task.command!
  const definition = table.commands[command.name]
  if (definition === undefined) {
    throw new TableError('BadMessage', `Cannot find command "${command.name}" of "${table.name}"`)
  }
  return definition.run({
    partitionKey,
    key: task.key,
    value: valueOf(table, heard.row),
    sides: heard.reads,
    ballot,
    args: command.args,
  })
}

function write(deciding: Deciding, outcome: Extract<Outcome<unknown>, { kind: 'write' }>): Step {
  const { table, task, heard, ballot } = deciding
  const operations = remember(deciding, 0, outcome.answer)
  if (operations === undefined) return tooMany(task)
  const sides = (outcome.sides ?? []).map(({ side, sortKey, row }) => ({
    side,
    sortKey,
    row: row === undefined ? null : row,
  }))
  const row: RegisterRow = {
    ballot,
    operations,
    sides: sides.map(({ side, sortKey, row: content }) => [
      side,
      sortKey,
      content === null ? 1 : 0,
    ]),
    version: table.version,
    value: table.encode(outcome.value),
  }
  return {
    kind: 'accept',
    item: { key: task.key, row, sides, base: heard.row?.ballot ?? null },
    then: { kind: 'answer', answer: outcome.answer },
    exposes: true,
  }
}

/**
 * A refusal, or an answer that writes nothing. It may be told at once only if no other attempt of
 * the operation can take effect later; else it is written down first, so that each of them finds
 * it instead of running.
 */
function withoutWrite(deciding: Deciding, kind: 0 | 1, payload: Plain): Step {
  const { task } = deciding
  const end = rememberedEnd([task.operation, task.firstTime, 0, kind, payload])
  if (!task.isExposed) return { kind: 'end', end }
  const operations = remember(deciding, kind, payload)
  if (operations === undefined) return tooMany(task)
  return { kind: 'accept', item: again(deciding, operations), then: end, exposes: true }
}

function remember(
  deciding: Deciding,
  kind: 0 | 1,
  payload: Plain,
): readonly OperationRecord[] | undefined {
  const { task, heard, ballot, done, rules } = deciding
  return nextOperations({
    found: heard.row?.operations ?? [],
    added: [task.operation, task.firstTime, 0, kind, payload],
    done,
    spanMicros: rules.operationSpanMicros,
    nowMicros: ballot.time,
  })
}

function tooMany(task: Task): Step {
  const error = task.isExposed
    ? outcomeUnknown(task)
    : new TableError('TooBusy', `Cannot change "${task.key}": too many operations of it are open`)
  return { kind: 'end', end: { kind: 'error', error } }
}

/** The row found, or that there is none, under the new ballot, with its side rows. */
function again(deciding: Deciding, operations: readonly OperationRecord[]): AcceptItem {
  const { task, heard, ballot, rules } = deciding
  const row: RegisterRow =
    heard.row === undefined
      ? { ballot, operations, sides: [], version: 0, value: null }
      : { ...heard.row, ballot, operations }
  return { key: task.key, row, sides: rules.resentSides(heard.sides), base: null }
}

function rememberedEnd(record: OperationRecord): TaskEnd {
  const [, , , kind, payload] = record
  if (kind === 0) return { kind: 'answer', answer: payload }
  const [code, details] = payload as readonly [string, Record<string, Plain>]
  return { kind: 'error', error: refused(code, details) }
}

export function refused(code: string, details: Record<string, Plain> = {}): TableError {
  return new TableError('Refused', `Cannot change a register: "${code}"`, {
    details: { ...details, code },
  })
}

/** @param veto what kept the last attempt from being made: the same operation may be tried again */
export function outcomeUnknown({ key, operation }: Task, veto?: string): TableError {
  const details = veto === undefined ? {} : { veto, operation }
  return new TableError('OutcomeUnknown', `Cannot say whether "${key}" was changed`, { details })
}
