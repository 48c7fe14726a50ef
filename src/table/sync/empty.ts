/** Throws away what lies here of partitions that this node does not own, or is about to gain. */

import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import { LAYOUT_PARTITION } from '../../cluster/cluster.ts'
import type { Batch, Db, Entry, Tree } from '../../db/db.ts'
import { valueOf, type LocalTable } from '../owner/local.ts'
import { decodeMerged, type LocalMerged } from '../owner/merged.ts'
import { unpackRegister } from '../row.ts'
import type { Placement } from '../schema.ts'
import { namesOf, partitionBounds, partitionOfKey } from './units.ts'

export interface EmptyOptions {
  readonly db: Db
  readonly registers: ReadonlyMap<string, LocalTable>
  readonly merged: ReadonlyMap<string, LocalMerged>
  /** Told of each register in the batch that deletes it. */
  readonly forget: (local: LocalTable, unit: string) => void
}

/**
 * Deletes their rows in slices, each tree once from its beginning; what was counted of them is counted
 * back. Cut off anywhere, it can be done again.
 *
 * Rows may come meanwhile: those that the walk has passed stay, with what belongs to them.
 *
 * @throws the reason of `signal` when it is aborted first
 */
export async function emptyPartitions(
  options: EmptyOptions,
  partitions: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  const { db, registers, merged, forget } = options
  const sorted = [...partitions].sort((a, b) => a - b)
  await landed(db)
  const workOn = (placement: Placement): Omit<Emptying<never>, 'drop'> => {
    // The bounds of a partition hold only where rows of the table can lie in it.
    const isThere = (partition: number): boolean =>
      (placement === 'cluster') === (partition === LAYOUT_PARTITION)
    return { placement, wanted: sorted.filter(isThere), signal }
  }
  for (const local of registers.values()) {
    const work = workOn(local.table.placement)
    const forgetUnit = (unit: string): void => forget(local, unit)
    await emptyTree(db, local.rows, { drop: dropRegister(local, forgetUnit), ...work })
    for (const { tree, drop } of leftovers(local)) await emptyTree(db, tree, { drop, ...work })
  }
  for (const local of merged.values()) {
    const work = workOn(local.table.placement)
    await emptyTree(db, local.rows, { drop: dropMerged(local), ...work })
  }
}

/** Everything that lies here of one partition key of a register table. */
export interface KeyRows {
  readonly local: LocalTable
  /** What stands before every one of its keys. */
  readonly prefix: string
}

/** Whether any row of it lies here, on stable storage. */
export async function holdsAny(db: Db, { local, prefix }: KeyRows): Promise<boolean> {
  for (const tree of treesOf(local)) {
    const found = await db.range<string | Uint8Array>(tree, { limit: 1, ...keyBounds(prefix) })
    if (found.length > 0) return true
  }
  return false
}

/**
 * Deletes them all, as `emptyPartitions` does those of partitions.
 *
 * @param forget told of each register in the batch that deletes it
 * @throws the reason of `signal` when it is aborted first
 */
export async function emptyPartitionKey(
  db: Db,
  { local, prefix }: KeyRows,
  { forget, signal }: { readonly forget: (unit: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  const bounds = keyBounds(prefix)
  const drop = dropRegister(local, forget)
  await landed(db)
  await emptyBounds(db, local.rows, { bounds, signal, drop })
  for (const left of leftovers(local)) {
    await emptyBounds(db, left.tree, { bounds, signal, drop: left.drop })
  }
}

/** What was written before can be walked: a row that is on its way to stable storage is not in a range. */
function landed(db: Db): Promise<void> {
  return db.write(() => undefined)
}

interface Leftover {
  readonly tree: Tree<string | Uint8Array>
  readonly drop: Drop<string | Uint8Array>
}

/** What registers leave behind that went: not what belongs to one that was accepted since. */
function leftovers(local: LocalTable): readonly Leftover[] {
  const { table, rows } = local
  const sides = table.sides.map((side): Leftover => {
    const drop: Drop<unknown> = (batch, key) => {
      const cut = key.lastIndexOf('\0')
      const stored = batch.get(rows, key.slice(0, cut))
      const value = stored === undefined ? undefined : valueOf(table, unpackRegister(stored))
      return value === undefined || !side.isNamed(value, key.slice(cut + 1))
    }
    return { tree: local.sides.get(side.name)! as Leftover['tree'], drop }
  })
  const indexes = [...local.indexes.values()].map(({ tree }): Leftover => {
    const drop: Drop<unknown> = (batch, key) => batch.get(rows, key) === undefined
    return { tree: tree as Leftover['tree'], drop }
  })
  return [...sides, ...indexes]
}

/** That of the registers first. */
function treesOf({ rows, sides, indexes }: LocalTable): readonly Tree[] {
  return [rows, ...sides.values(), ...[...indexes.values()].map(({ tree }) => tree)]
}

function keyBounds(prefix: string): Bounds {
  return { gte: prefix, lt: `${prefix.slice(0, -1)}\u0001` }
}

interface Bounds {
  readonly gte: string
  readonly lt: string
}

/** @returns whether the row goes */
type Drop<Value> = (batch: Batch, key: string, value: Value) => boolean

interface Emptying<Value> {
  readonly placement: Placement
  /** Partitions, the lowest first. */
  readonly wanted: readonly number[]
  readonly signal: AbortSignal
  readonly drop: Drop<Value>
}

/** Leaps from one partition that has rows to the next, so that those without cost nothing. */
async function emptyTree<Value extends string | Uint8Array>(
  db: Db,
  tree: Tree<Value>,
  work: Emptying<Value>,
): Promise<void> {
  const { placement, wanted } = work
  const last = wanted.at(-1)
  for (let at = 0; last !== undefined && at < wanted.length;) {
    const { gte } = partitionBounds(placement, wanted[at]!)
    const { lt } = partitionBounds(placement, last)
    const [first] = await db.range(tree, { gte, lt, limit: 1 })
    if (first === undefined) return
    const found = partitionOfKey(placement, first.key)
    while (wanted[at]! < found) at += 1
    if (wanted[at] !== found) continue
    await emptyBounds(db, tree, { bounds: partitionBounds(placement, found), ...work })
    at += 1
  }
}

async function emptyBounds<Value extends string | Uint8Array>(
  db: Db,
  tree: Tree<Value>,
  work: Pick<Emptying<Value>, 'signal' | 'drop'> & { readonly bounds: Bounds },
): Promise<void> {
  const { lt } = work.bounds
  // Once over: where rows come as fast as they go a walk from the beginning would never end.
  for (let from: { gte: string } | { gt: string } = work.bounds; ;) {
    work.signal.throwIfAborted()
    const slice: readonly Entry<Value>[] = await db.range(tree, {
      limit: SCAN_SLICE_ROWS,
      ...from,
      lt,
    })
    const last = slice.at(-1)
    if (last === undefined) return
    await db.write((batch) => {
      for (const { key } of slice) {
        // The newest one counts, not the one that was stable when the slice was read.
        const value = batch.get(tree, key)
        if (value !== undefined && work.drop(batch, key, value)) batch.del(tree, key)
      }
    })
    from = { gt: last.key }
  }
}

function dropRegister(
  { table, indexes }: LocalTable,
  forget: (unit: string) => void,
): Drop<Uint8Array> {
  return (batch, key, stored) => {
    forget(key)
    const before = valueOf(table, unpackRegister(stored))
    if (before !== undefined) {
      table.dropped?.(batch, { before, ...namesOf(table.placement, key) })
    }
    // In this batch: whoever accepts the register from now on lists it anew.
    for (const { tree } of indexes.values()) {
      if (batch.get(tree, key) !== undefined) batch.del(tree, key)
    }
    return true
  }
}

function dropMerged({ table }: LocalMerged): Drop<Uint8Array> {
  const placement: Placement = table.placement
  return (batch, key, stored) => {
    const { partitionKey, key: sortKey } = namesOf(placement, key)
    table.dropped?.(batch, { partitionKey, sortKey, before: decodeMerged(table, stored) })
    return true
  }
}
