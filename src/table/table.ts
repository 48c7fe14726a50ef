/** The door to replicated rows: registers that change by ballot, rows that merge. */

import type { Clock } from '../base/clock.ts'
import type { NodeId } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Network } from '../base/network.ts'
import type { Rng } from '../base/rng.ts'
import type { HybridClock } from '../base/timestamp.ts'
import type { Worker } from '../worker/worker.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Db, Reader } from '../db/db.ts'
import { readMark } from './owner/mark.ts'
import { TableNode } from './node.ts'
import type { CollectStatus, CollectWish } from './sync/collect.ts'
import type { CompareWish, RowComparison } from './sync/compare.ts'
import type { DiscardWish, GatherWish } from './sync/sync.ts'
import type { Rules } from './rules.ts'
import type { AnyTable, Command, MergedTable, Plain, RegisterTable, SideRef } from './schema.ts'
export { CUSTODY_ROW, heldIn } from './custody.ts'
export type { RowDifference } from './sync/compare.ts'
import type { LocalRegister, LocalSide, LocalSlice } from './owner/walk.ts'

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
   * register remembers is not run again: it gets the remembered answer. One that is given counts
   * as sent before, so that how it ends is always written down: see decision 0031.
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

export interface PageOptions {
  readonly from?: string
  readonly after?: string
  readonly limit: number
  readonly fence?: string
}

export interface MergedReadOptions {
  /**
   * Asks a quorum of the owners in each active layout: so it shows what only owners to be were told
   * of, by whoever did not come to his end.
   */
  readonly everyLayout?: boolean
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
  /**
   * Settled entries of an index, in byte order, beginning at (`from`) or after (`after`) a key.
   *
   * @param options.fence of the table: nothing that is not among them comes to live there as long
   *   as a quorum holds it, not even what is being written now
   */
  page<Value>(
    table: RegisterTable<Value>,
    index: string,
    partitionKey: string,
    options: PageOptions,
  ): Promise<IndexPage>

  /**
   * Merges rows into their owners; resolves when each is held, as the winner, by a quorum on
   * stable storage. Many rows in one call travel together.
   *
   * @throws {TableError} `Outranked` (a quorum holds each of the rows, and of some a later one that
   *   does not say the same), `Refused` (by a guard; the code in `details.code`), `QuorumNotReached`
   */
  insert<Row>(table: MergedTable<Row>, rows: readonly MergedRow<Row>[]): Promise<void>
  /** Settled rows in the order of `keys`, tombstones included, undefined where there is none. */
  read<Row>(
    table: MergedTable<Row>,
    keys: readonly MergedKey[],
    options?: MergedReadOptions,
  ): Promise<readonly (Row | undefined)[]>
  /** Settled rows of one partition key in byte order of their sort keys, tombstones included. */
  range<Row>(
    table: MergedTable<Row>,
    partitionKey: string,
    options: MergedReadOptions & { readonly after?: string; readonly limit: number },
  ): Promise<readonly MergedRow<Row>[]>
}

/** This node's tables, with a life and with what only lies here. */
export interface OpenTables extends Tables {
  /** Before it nothing is answered. Tidies up what the last life left. */
  start(): Promise<void>
  /** Answers nothing more, and leaves the mark where a clean start wants it. */
  stop(): Promise<void>
  /**
   * What the rows of each table come to on this node, by partition: equal on two owners exactly
   * when they hold the same.
   */
  roots(signal: AbortSignal): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>>
  /**
   * What the owners of each partition hold differently, those among `nodes`: for checks.
   *
   * @throws the reason of the signal, {ClusterError} `NoLayout`
   */
  compare(wish: CompareWish): Promise<RowComparison>
  /** Every owner of a row, in order. @throws {ClusterError} `NoLayout` */
  ownersOf(table: Pick<AnyTable, 'placement'>, partitionKey: string): readonly NodeId[]
  /** In how many of the partitions that it owns this node has no vote: it lost rows. */
  voteless(): number
  /** Whether what this node says of a partition counts. */
  votes(partition: number): boolean
  /** Background work that brings here what other owners hold and this node lacks. */
  syncWorker(options: { readonly log: Log; readonly intervalMs: number }): Worker
  /** Background work that follows a change of layout with the rows. */
  gatherWorker(wish: GatherWish): Worker
  /** Background work that throws tombstones away, once every owner has confirmed them. */
  collectWorker(wish: CollectWish): Worker & { status(): CollectStatus }
  /**
   * Throws away every row of a partition key that lies here, where `isOver` says that nothing of it
   * can be chosen any more: its veto refuses whatever would come, for ever.
   *
   * @returns whether there was any
   */
  discard<Value>(table: RegisterTable<Value>, wish: DiscardWish): Promise<boolean>
  /** Up to which active layout this node holds all that it owns, blocks included. */
  completeTo(): number
  /**
   * The database was found to lack what it once had, and goes on as that incarnation: from now on
   * its answers count for nothing, until it was let in again and copied from all others.
   */
  suspect(incarnation: string): Promise<void>
  /** Whether it is known that the database is no old one: before that nothing is answered. */
  readonly isCurrent: boolean
  /** Its database is not the one that last said what lies here: it must be let in again. */
  readonly isSuspect: boolean
  /** Why this node takes part in no change, as a sentence; undefined when it does. */
  readonly fault: string | undefined
  /** Registers that lie on this node, settled or not, in slices of at most 1,000. */
  localRegisters<Value>(
    table: RegisterTable<Value>,
    after: string | undefined,
    limit: number,
  ): Promise<LocalSlice<LocalRegister<Value>>>
  /** Side rows that lie on this node. */
  localSides(
    side: { readonly name: string; readonly tag: string },
    after: string | undefined,
    limit: number,
  ): Promise<LocalSlice<LocalSide>>
  /** The newest that lies on this node of a merged row: a hint, no settled read need show it. */
  rowHere<Row>(table: MergedTable<Row>, key: MergedKey): Row | undefined
  /** Merged rows that lie on this node, tombstones included. */
  localRows<Row>(
    table: MergedTable<Row>,
    after: string | undefined,
    limit: number,
  ): Promise<LocalSlice<MergedRow<Row>>>
}

export interface OpenTablesOptions {
  readonly db: Db
  readonly clock: Clock
  /** Begun at `hybridStart(db)`. */
  readonly hybrid: HybridClock
  readonly rng: Rng
  readonly network: Network
  readonly cluster: Cluster
  /** The life of the database, from the identity file. */
  readonly incarnation?: string
  /** It was opened without what a broken seal said is missing. */
  readonly hasLostRows?: boolean
  /** False while it is not known whether the database is an old one; true when absent. */
  readonly isCurrent?: () => boolean
  readonly log: Log
  readonly metrics?: Metrics
  /** Every table of the program; names and tags are unique. `!` and `%` are this part's own. */
  readonly tables: readonly AnyTable[]
  /** Of a simulation only: other limits, and faults planted in the rules. */
  readonly testing?: {
    readonly rules?: Partial<Rules>
    readonly promiseAgeMs?: number
    readonly promisesOpenMax?: number
  }
}

/** Where the hybrid clock must begin: at the mark that the last life left in the database. */
export function hybridStart(reader: Reader): number {
  return readMark(reader).time
}

/** Replicated rows over local ones. Handlers are registered at once and answer after `start`. */
export function openTables(options: OpenTablesOptions): OpenTables {
  return new TableNode(options)
}
