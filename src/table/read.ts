/** Settled reads of registers: what a quorum agrees on, or is made to agree on first. */

import type { Clock } from '../base/clock.ts'
import { equalBytes } from '../base/bytes.ts'
import { CALL_DEADLINE_MS } from '../base/limits.ts'
import type { NodeId } from '../base/ids.ts'
import type { Task } from './decide.ts'
import { TableError } from './errors.ts'
import { digestOf, valueOf, type LocalTable } from './owner/local.ts'
import type { ReadAnswer, ReadMessage, SidesAnswer, SidesMessage } from './messages.ts'
import type { Coordinator } from './register.ts'
import type { Place, Replication } from './replication.ts'
import { quorumNotReached, type Rpc } from './rpc.ts'
import { unpackRegister, type RegisterRow } from './row.ts'
import type { Plain, SideRef } from './schema.ts'

/** How long one round of questions may take. */
const ROUND_MS = 1000
/** How long a read is tried again while the layout changes. */
const PASSING_MS = 3000

export interface RegisterReaderOptions {
  readonly rpc: Rpc
  readonly clock: Clock
  readonly replication: Replication
  readonly coordinator: Coordinator
}

export interface RegisterAt {
  readonly local: LocalTable
  readonly place: Place
  readonly key: string
}

interface RowAnswer {
  readonly node: NodeId
  readonly row: Uint8Array | null
}

export class RegisterReader {
  readonly #options: RegisterReaderOptions

  constructor(options: RegisterReaderOptions) {
    this.#options = options
  }

  /** Without a promise when every owner that was asked answered at once and alike. */
  value(at: RegisterAt): unknown {
    const row = this.row(at)
    const { table } = at.local
    if (row instanceof Promise) return row.then((settled) => valueOf(table, settled))
    return valueOf(table, row)
  }

  row(at: RegisterAt): RegisterRow | undefined | Promise<RegisterRow | undefined> {
    const { rpc, replication } = this.#options
    const vouchedTo = replication.vouchedTo(at.place.partition)
    const asked = rpc.readersOf(at.place.partition)
    const { votes, spare } = asked
    const first = asked.first[0]!
    const others = asked.first.slice(1)
    const rows: (Uint8Array | null)[] = []
    const digests: (Uint8Array | null)[] = []
    const isDecided = (): boolean => votes.isDecided
    const waiting = rpc.ask<ReadAnswer>({
      nodes: [first],
      body: readMessage(at, true),
      also: others.length === 0 ? undefined : { nodes: others, body: readMessage(at, false) },
      spare: spare.length === 0 ? undefined : { nodes: spare, body: readMessage(at, true) },
      endpoint: 'table/read',
      deadlineMs: ROUND_MS,
      answered: (node, answer) => {
        if (others.includes(node)) digests.push(answer.rows[0]!)
        else rows.push(answer.rows[0]!)
        votes.add(node, true)
        return isDecided()
      },
      failed: (node) => {
        votes.add(node, false)
        return isDecided()
      },
    })
    const conclude = (): RegisterRow | undefined | Promise<RegisterRow | undefined> => {
      const [row] = rows
      if (votes.isWon && row !== undefined && agree(rows, digests)) {
        return this.#shown(at, row, vouchedTo)
      }
      return rpc.patiently(PASSING_MS, () => this.#askAll(at))
    }
    return waiting === undefined ? conclude() : waiting.then(conclude)
  }

  /** By a ballot, so that no write that was on its way before it is chosen after it. */
  async byBallot(at: RegisterAt, deadlineMs: number): Promise<unknown> {
    return valueOf(at.local.table, await this.#repair(at, deadlineMs))
  }

  /** Settled side rows: one is written once, so any owner that holds it holds the right one. */
  async sides(at: RegisterAt, sides: readonly SideRef[]): Promise<readonly (Plain | undefined)[]> {
    const body: SidesMessage = {
      table: at.local.table.name,
      partitionKey: at.place.partitionKey,
      key: at.key,
      sides,
    }
    const { rpc } = this.#options
    const answers = await rpc.patiently(PASSING_MS, () =>
      rpc.askQuorum<SidesAnswer>({
        partition: at.place.partition,
        endpoint: 'table/sides',
        body,
        deadlineMs: ROUND_MS,
      }),
    )
    return sides.map((_, index) => {
      const holder = answers.find(({ answer }) => answer.rows[index] !== null)
      return holder?.answer.rows[index] ?? undefined
    })
  }

  /** The owners differ, or one is silent: any quorum that agrees, else a settle by ballot. */
  async #askAll(at: RegisterAt): Promise<RegisterRow | undefined> {
    const { rpc, replication } = this.#options
    const { partition } = at.place
    const vouchedTo = replication.vouchedTo(partition)
    const readers = replication.readers(partition)
    const answers: RowAnswer[] = []
    const failures: unknown[] = []
    let agreed: RowAnswer | undefined
    await rpc.ask<ReadAnswer>({
      nodes: readers,
      endpoint: 'table/read',
      body: readMessage(at, true),
      deadlineMs: ROUND_MS,
      answered: (node, { rows }) => {
        const answer = { node, row: rows[0]! }
        answers.push(answer)
        const votes = replication.votesOf(readers)
        for (const other of answers) {
          if (same(other.row, answer.row)) votes.add(other.node, true)
        }
        if (votes.isWon) agreed = answer
        return votes.isWon
      },
      failed: (_node, error) => {
        failures.push(error)
        return false
      },
    })
    if (agreed !== undefined) return this.#shown(at, agreed.row, vouchedTo)
    const votes = replication.votesOf(readers)
    for (const { node } of answers) votes.add(node, true)
    if (!votes.isWon) throw quorumNotReached('table/read', failures)
    return this.#repair(at)
  }

  /** What those agree on that are read. */
  #shown(
    at: RegisterAt,
    stored: Uint8Array | null,
    vouchedTo: number,
  ): RegisterRow | undefined | Promise<RegisterRow | undefined> {
    if (stored === null) return undefined
    const row = unpackRegister(stored)
    if (row.ballot.layout <= vouchedTo) return row
    return this.#options.rpc.patiently(PASSING_MS, () => this.#chosen(at, { row, stored }))
  }

  /**
   * While the layout changes a row is chosen once a quorum in every layout has it. Were it shown
   * before, it would be gone when reads move to owners that never took it.
   */
  async #chosen(
    at: RegisterAt,
    { row, stored }: { readonly row: RegisterRow; readonly stored: Uint8Array },
  ): Promise<RegisterRow | undefined> {
    const { rpc, replication } = this.#options
    const { partition } = at.place
    const digest = digestOf(stored)
    const votes = replication.votes(partition)
    await rpc.ask<ReadAnswer>({
      nodes: replication.owners(partition),
      endpoint: 'table/read',
      body: readMessage(at, false),
      deadlineMs: ROUND_MS,
      answered: (node, { rows }) => {
        votes.add(node, same(rows[0]!, digest))
        return votes.isDecided
      },
      failed: (node) => {
        votes.add(node, false)
        return votes.isDecided
      },
    })
    return votes.isWon ? row : this.#repair(at)
  }

  async #repair(at: RegisterAt, deadlineMs = CALL_DEADLINE_MS): Promise<RegisterRow | undefined> {
    const { coordinator, clock } = this.#options
    const task: Task = settleTask(at.key, 'repair')
    const deadlineMicros = clock.monotonicMicros() + deadlineMs * 1000
    await coordinator.run({ local: at.local, place: at.place, tasks: [task], deadlineMicros })
    return settledRow(task)
  }
}

export function settleTask(key: string, kind: 'settle' | 'repair'): Task {
  return {
    key,
    kind,
    command: undefined,
    operation: '',
    firstTime: 0,
    isPinned: false,
    isOwn: false,
    isExposed: false,
    above: 0,
    end: undefined,
  }
}

/** @throws {TableError} what ended the settling */
export function settledRow(task: Task): RegisterRow | undefined {
  const { end } = task
  if (end?.kind === 'row') return end.row
  if (end?.kind === 'error') throw end.error
  throw new TableError('OutcomeUnknown', `Cannot settle "${task.key}"`)
}

function readMessage(at: RegisterAt, full: boolean): ReadMessage {
  return {
    table: at.local.table.name,
    partitionKey: at.place.partitionKey,
    keys: [at.key],
    full,
  }
}

/** @param rows at least one */
function agree(
  rows: readonly (Uint8Array | null)[],
  digests: readonly (Uint8Array | null)[],
): boolean {
  const row = rows[0]!
  if (rows.length > 1 && !rows.every((other) => same(other, row))) return false
  if (digests.length === 0) return true
  const digest = row === null ? null : digestOf(row)
  return digests.every((other) => same(other, digest))
}

function same(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b
  return equalBytes(a, b)
}
