/** What a table says of itself, so that `table/` can replicate it without knowing its meaning. */

import type { Ballot } from '../base/ballot.ts'
import type { Batch, Reader, Tree } from '../db/db.ts'

/** Plain data as it travels and is stored: msgpack without maps of more than text keys. */
export type Plain = unknown

/**
 * A change of a register as data: any owner can run it, and so can a simulation.
 * `args` is plain data.
 */
export interface Command {
  readonly name: string
  readonly args: Plain
}

/** An immutable row beside a register's value, such as an upload's choices. */
export interface SideRef {
  /** Name of a side table of the register's table. */
  readonly side: string
  readonly sortKey: string
}

/** A side row to write with a change; `row` undefined writes a tombstone. */
export interface SideWrite extends SideRef {
  readonly row: Plain | undefined
}

/** What a command sees. Pure: it may use nothing else. */
export interface CommandInput<Value> {
  /** Partition key and key of the register. */
  readonly partitionKey: string
  readonly key: string
  /** The settled value, or undefined when the register was never written. */
  readonly value: Value | undefined
  /** Rows that the command's `reads` named, in that order; undefined where there is none. */
  readonly sides: readonly (Plain | undefined)[]
  /** The ballot of this attempt; its time is above that of any earlier change of the register. */
  readonly ballot: Ballot
  readonly args: Plain
}

/** What a command decides. */
export type Outcome<Value> =
  | {
      readonly kind: 'write'
      readonly value: Value
      readonly sides?: readonly SideWrite[]
      /** Plain data; kept with the operation id, so that a retry gets the same. */
      readonly answer: Plain
    }
  /** Nothing to write: the answer is true of the settled value as it stands. */
  | { readonly kind: 'answer'; readonly answer: Plain }
  /** Definitely not applied. `code` is one that `store/` knows. */
  | { readonly kind: 'refuse'; readonly code: string; readonly details?: Record<string, Plain> }

export interface CommandDefinition<Value> {
  /** Side rows that the command looks at. */
  reads?(args: Plain): readonly SideRef[]
  run(input: CommandInput<Value>): Outcome<Value>
}

/**
 * A list of a register table that is walked in key order, such as the live objects of a bucket.
 *
 * A pure projection: every owner derives its rows from the registers it holds, in the same batch.
 * `line` is the text kept for a register, without line breaks, or undefined when it is not listed.
 */
export interface IndexDefinition<Value> {
  readonly name: string
  readonly tag: string
  line(value: Value, key: string): string | undefined
}

/** A side table of a register table. */
export interface SideDefinition<Value> {
  readonly name: string
  readonly tag: string
  /** Whether the register's value still needs that side row: what nothing needs is left over. */
  isNamed(value: Value, sortKey: string): boolean
}

/** One accepted change as it lands on this node. Called inside the row's own batch. */
export interface RegisterUpdate<Value> {
  readonly partitionKey: string
  readonly key: string
  readonly before: Value | undefined
  readonly after: Value
  readonly sides: readonly SideWrite[]
}

/**
 * Where the rows of a partition key lie. `hash`: the partition is the first byte of BLAKE3 of the
 * key. `first-byte`: the key is hex and begins with the partition (hashes, manifest ids).
 * `cluster`: every node that stores owns them.
 */
export type Placement = 'hash' | 'first-byte' | 'cluster'

/** A table whose rows are registers: changed by ballot, linearizable per key. */
export interface RegisterTable<Value = unknown> {
  readonly kind: 'register'
  readonly name: string
  /** Tag of the tree of the registers; the trees of sides and indexes have their own. */
  readonly tag: string
  readonly placement: Placement
  readonly sides: readonly SideDefinition<Value>[]
  readonly indexes: readonly IndexDefinition<Value>[]
  readonly commands: Readonly<Record<string, CommandDefinition<Value>>>
  /** Current format of the stored value, from 1. */
  readonly version: number
  encode(value: Value): Plain
  /** @throws {TypeError} when `stored` is not of `version` or an older one */
  decode(stored: Plain, version: number): Value
  /**
   * Whether a register with this value may be forgotten, as if it had never been written, once no
   * operation that it remembers can be tried again. Registers of a table without it stay for ever.
   */
  isTombstone?(value: Value): boolean
  /** May only use the batch. */
  updated?(batch: Batch, update: RegisterUpdate<Value>): void
  /**
   * The row leaves this node, which owns its partition no longer, or was never chosen: takes back
   * what `updated` did.
   */
  dropped?(
    batch: Batch,
    row: { readonly partitionKey: string; readonly key: string; readonly before: Value },
  ): void
  /**
   * Asked on an owner before it promises and before it takes a new row (`after` is undefined for a
   * promise): a code refuses. Reads this owner's newest rows only.
   */
  veto?(
    reader: Reader,
    partitionKey: string,
    key: string,
    after: Value | undefined,
  ): string | undefined
  /**
   * What stands on an owner, while its veto refuses lives, by a name of its own for each time:
   * pages may be asked of those alone where one stands.
   */
  fence?(reader: Reader, partitionKey: string): string | undefined
  /** Whether what that code refuses may be taken later; what stays refused is nobody's loss. */
  mayPass?(code: string): boolean
  /** The register of that partition key whose value on this owner the veto is made of. */
  vetoedBy?(partitionKey: string): { readonly table: string; readonly key: string }
}

/** A table whose rows are merged: written in one round, for immutable or mergeable rows. */
export interface MergedTable<Row = unknown> {
  readonly kind: 'merged'
  readonly name: string
  readonly tag: string
  readonly placement: Placement
  readonly version: number
  encode(row: Row): Plain
  decode(stored: Plain, version: number): Row
  /** Commutative, associative, idempotent. */
  merge(a: Row, b: Row): Row
  isTombstone(row: Row): boolean
  /** Whether a row says all that another one does, as the one that wins; only an equal one when absent. */
  includes?(row: Row, other: Row): boolean
  /** Called inside the row's own batch, when the merged row differs from the one before. */
  updated?(
    batch: Batch,
    update: {
      readonly partitionKey: string
      readonly sortKey: string
      readonly before: Row | undefined
      readonly after: Row
    },
  ): void
  /** The row leaves this node, which owns its partition no longer: takes back what `updated` did. */
  dropped?(
    batch: Batch,
    row: { readonly partitionKey: string; readonly sortKey: string; readonly before: Row },
  ): void
  /**
   * Wraps the write of one row on an owner: calls `proceed`, which resolves when the row is
   * stable, or refuses with a code and does not. Used to hold a lock around both.
   */
  guard?(
    row: { readonly partitionKey: string; readonly sortKey: string; readonly row: Row },
    proceed: () => Promise<void>,
  ): Promise<string | undefined>
}

export type AnyTable = RegisterTable<unknown> | MergedTable<unknown>

/** Whether what an owner takes depends on its rows of other tables. */
export function hasVeto(table: AnyTable): boolean {
  return table.kind === 'register' && table.veto !== undefined
}

export function defineRegister<Value>(
  table: Omit<RegisterTable<Value>, 'kind'>,
): RegisterTable<Value> {
  return { kind: 'register', ...table }
}

export function defineMerged<Row>(table: Omit<MergedTable<Row>, 'kind'>): MergedTable<Row> {
  return { kind: 'merged', ...table }
}

/** Hex digits of the partition before every stored key: that of the layout has three. */
export function digitsOf(placement: Placement): number {
  return placement === 'cluster' ? 3 : 2
}

/** Storage trees of a register table, derived from its tags. */
export function registerTree(table: {
  readonly name: string
  readonly tag: string
}): Tree<Uint8Array> {
  return { name: table.name, tag: table.tag, values: 'bytes' }
}

export function indexTree(index: { readonly name: string; readonly tag: string }): Tree<string> {
  return { name: index.name, tag: index.tag, values: 'text' }
}
