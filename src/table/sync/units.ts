/** What is compared and sent as one: a register with its side rows, or one merged row. */

import { fromHex } from '../../base/bytes.ts'
import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import { LAYOUT_PARTITION } from '../../cluster/cluster.ts'
import type { Db, Tree } from '../../db/db.ts'
import type { LocalTable } from '../owner/local.ts'
import type { LocalMerged } from '../owner/merged.ts'
import { digitsOf, type AnyTable, type Placement } from '../schema.ts'
import { unitDigest, type DigestSource } from './digests.ts'

/** A table as sync sees it. */
export interface SyncedTable {
  readonly table: AnyTable
  readonly rows: Tree<Uint8Array>
  /** Of a register table, by name. */
  readonly sides: ReadonlyMap<string, Tree<Uint8Array>>
}

export function syncedTables(
  registers: ReadonlyMap<string, LocalTable>,
  merged: ReadonlyMap<string, LocalMerged>,
): ReadonlyMap<string, SyncedTable> {
  const found = new Map<string, SyncedTable>()
  for (const [name, { table, rows, sides }] of registers) found.set(name, { table, rows, sides })
  for (const [name, { table, rows }] of merged) {
    found.set(name, { table: table as AnyTable, rows, sides: new Map() })
  }
  return found
}

/** The trees that a table's digests cover. */
export function digestSources({ rows, sides }: SyncedTable): readonly DigestSource[] {
  return [
    { tree: rows, unitOf: (key) => key },
    ...[...sides.values()].map((tree) => ({
      tree,
      unitOf: (key: string) => key.slice(0, key.lastIndexOf('\0')),
    })),
  ]
}

/** The partition of a key as it is stored. */
export function partitionOfKey(placement: Placement, key: string): number {
  return placement === 'cluster' ? LAYOUT_PARTITION : fromHex(key.slice(0, 2))![0]!
}

/** What stands before every key of a partition, and the first text behind all of them. */
export function partitionBounds(
  placement: Placement,
  partition: number,
): { readonly gte: string; readonly lt: string } {
  const gte = partition.toString(16).padStart(2, '0')
  if (placement === 'cluster') return { gte, lt: `${gte}\uffff` }
  // Digits are followed by a key of any characters; behind "ff" comes no digit at all.
  const lt = partition === 255 ? 'g' : (partition + 1).toString(16).padStart(2, '0')
  return { gte, lt }
}

/** Splits a stored key: partition key, and the row's own key. */
export function namesOf(
  placement: Placement,
  unit: string,
): { readonly partitionKey: string; readonly key: string } {
  const cut = unit.indexOf('\0')
  return { partitionKey: unit.slice(digitsOf(placement), cut), key: unit.slice(cut + 1) }
}

/** The stored rows of a unit: the row itself, then its side rows with their names. */
export interface UnitRows {
  readonly row: Uint8Array | undefined
  readonly sides: readonly {
    readonly side: string
    readonly sortKey: string
    readonly row: Uint8Array
  }[]
}

/** Reads what lies here under a name, as it is on stable storage. */
export async function readUnit(db: Db, synced: SyncedTable, unit: string): Promise<UnitRows> {
  // First: side rows that are newer than it do no harm, a row whose side rows are missing would.
  const row = db.getStable(synced.rows, unit)
  const sides: { side: string; sortKey: string; row: Uint8Array }[] = []
  for (const [side, tree] of synced.sides) {
    const bounds = { gt: `${unit}\0`, lt: `${unit}\u0001`, limit: SCAN_SLICE_ROWS }
    for (const { key, value } of await db.range(tree, bounds)) {
      sides.push({ side, sortKey: key.slice(unit.length + 1), row: value })
    }
  }
  return { row, sides }
}

/** The digest of what lies here under a name, on stable storage or not. */
export async function digestOfUnit(db: Db, synced: SyncedTable, unit: string): Promise<Uint8Array> {
  const rows: { tree: Tree; key: string }[] = [{ tree: synced.rows, key: unit }]
  for (const tree of synced.sides.values()) {
    const bounds = { gt: `${unit}\0`, lt: `${unit}\u0001`, limit: SCAN_SLICE_ROWS }
    for (const { key } of await db.range(tree, bounds)) rows.push({ tree, key })
  }
  return unitDigest(db, rows)
}
