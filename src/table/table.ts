/** The door to replicated rows: registers that change by ballot, rows that merge. */

import type { Plain, RegisterTable, MergedTable, Command, SideRef } from './schema.ts'

export interface RegisterRef<Value> {
  readonly table: RegisterTable<Value>
  /** Without NUL. What lies in one partition together and is listed together. */
  readonly partitionKey: string
  /** Without NUL. */
  readonly key: string
}

export interface ChangeOptions {
  /**
   * Names the operation across retries; drawn at random when absent. A change whose id the
   * register remembers is not run again: it gets the remembered answer.
   */
  readonly operation?: string
  /**
   * Hybrid time drawn by `now()` before whatever the command relies on was read: no attempt is
   * made at a ballot later than this and `OPERATION_SPAN_MICROS`. Drawn at the call when absent.
   */
  readonly firstTime?: number
  readonly deadlineMs?: number
}

export interface IndexEntry {
  readonly key: string
  readonly line: string
}

export interface IndexPage {
  readonly entries: readonly IndexEntry[]
  /** The walk is complete: nothing of the range follows the last entry. */
  readonly done: boolean
}

export interface MergedKey {
  readonly partitionKey: string
  readonly sortKey: string
}

export interface MergedRow<Row> extends MergedKey {
  readonly row: Row
}

/**
 * Replicated rows of one node's point of view; the owners of each partition do the work, this node
 * among them or not.
 *
 * Every read is settled: what it shows, a quorum holds, and no later read shows less.
 */
export interface Tables {
  /** A hybrid time for `firstTime`. */
  now(): number
  /**
   * Runs `command` on the register, linearizably, and returns its answer.
   *
   * @throws {TableError} `Refused` (definitely not applied; `details.code` is the command's or the
   *   veto's), `QuorumNotReached` and `OutcomeUnknown` (perhaps applied), `TooBusy` (not applied)
   */
  change<Value>(ref: RegisterRef<Value>, command: Command, options?: ChangeOptions): Promise<Plain>
  /**
   * The same command on many registers of one partition key: one promise message and one accept
   * message for all; outcomes in the order of `items`, each the answer or the error of its own.
   */
  changeMany<Value>(
    table: RegisterTable<Value>,
    partitionKey: string,
    items: readonly { readonly key: string; readonly command: Command }[],
    options?: ChangeOptions,
  ): Promise<({ readonly answer: Plain } | { readonly error: Error })[]>
  /** Re-accepts the register under a new ballot, so that no older one can win; returns its value. */
  settle<Value>(ref: RegisterRef<Value>): Promise<Value | undefined>
  /** The settled value; may return it without a promise when this node alone decides. */
  get<Value>(ref: RegisterRef<Value>): Promise<Value | undefined> | Value | undefined
  /** Settled side rows, undefined where there is none or a tombstone. */
  getSides<Value>(
    ref: RegisterRef<Value>,
    sides: readonly SideRef[],
  ): Promise<readonly (Plain | undefined)[]>
  /** Settled entries of an index, in byte order, beginning at (`from`) or after (`after`) a key. */
  page<Value>(
    table: RegisterTable<Value>,
    index: string,
    partitionKey: string,
    options: { readonly from?: string; readonly after?: string; readonly limit: number },
  ): Promise<IndexPage>

  /**
   * Merges rows into their owners; resolves when each is held, as the winner, by a quorum on
   * stable storage. Many rows in one call travel together.
   *
   * @throws {TableError} `Outranked` (an owner holds a later row), `Refused` (by a guard; the code
   *   in `details.code`), `QuorumNotReached`
   */
  insert<Row>(table: MergedTable<Row>, rows: readonly MergedRow<Row>[]): Promise<void>
  /** Settled rows in the order of `keys`, tombstones included, undefined where there is none. */
  read<Row>(
    table: MergedTable<Row>,
    keys: readonly MergedKey[],
  ): Promise<readonly (Row | undefined)[]>
  /** Settled rows of one partition key in byte order of their sort keys, tombstones included. */
  range<Row>(
    table: MergedTable<Row>,
    partitionKey: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly MergedRow<Row>[]>
}
