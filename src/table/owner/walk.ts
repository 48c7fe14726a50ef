/** Walks over the rows that lie on this node, for checks and background work. Nothing is asked. */

import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import type { Db } from '../../db/db.ts'
import { valueOf } from './local.ts'
import { decodeMerged } from './merged.ts'
import { unpackRegister, unpackSide } from '../row.ts'
import {
  digitsOf,
  registerTree,
  type MergedTable,
  type Placement,
  type Plain,
  type RegisterTable,
  type SideRef,
} from '../schema.ts'
import type { MergedRow } from '../table.ts'

/** A slice of a walk: go on after `next`, until it is undefined. */
export interface LocalSlice<Row> {
  readonly rows: readonly Row[]
  readonly next: string | undefined
}

export interface LocalRegister<Value> {
  readonly partitionKey: string
  readonly key: string
  /** Undefined when only a ballot lies here. */
  readonly value: Value | undefined
  /** Side rows that its last change ended; they may still lie here. */
  readonly ended: readonly SideRef[]
}

export interface LocalSide extends SideRef {
  readonly partitionKey: string
  readonly key: string
  readonly row: Plain
}

export async function walkRegisters<Value>(
  db: Db,
  table: RegisterTable<Value>,
  after: string | undefined,
  limit: number,
): Promise<LocalSlice<LocalRegister<Value>>> {
  const slice = await walk(db, table, after, limit)
  const rows = slice.rows.map(({ names: [partitionKey, key], value: stored }) => {
    const row = unpackRegister(stored)
    const ended = row.sides
      .filter(([, , isEnded]) => isEnded === 1)
      .map(([side, sortKey]) => ({ side, sortKey }))
    return { partitionKey: partitionKey!, key: key!, value: valueOf(table, row), ended }
  })
  return { rows, next: slice.next }
}

export async function walkSides(
  db: Db,
  side: { readonly name: string; readonly tag: string },
  after: string | undefined,
  limit: number,
): Promise<LocalSlice<LocalSide>> {
  const slice = await walk(db, { placement: 'hash', ...side }, after, limit)
  const rows = slice.rows.map(({ names: [partitionKey, key, sortKey], value }) => ({
    side: side.name,
    partitionKey: partitionKey!,
    key: key!,
    sortKey: sortKey!,
    row: unpackSide(value),
  }))
  return { rows, next: slice.next }
}

export async function walkMerged<Row>(
  db: Db,
  table: MergedTable<Row>,
  after: string | undefined,
  limit: number,
): Promise<LocalSlice<MergedRow<Row>>> {
  const slice = await walk(db, table, after, limit)
  const rows = slice.rows.map(({ names: [partitionKey, sortKey], value }) => ({
    partitionKey: partitionKey!,
    sortKey: sortKey!,
    row: decodeMerged(table, value),
  }))
  return { rows, next: slice.next }
}

/** Partition digits go; the rest is split at its NULs. */
async function walk(
  db: Db,
  table: { readonly name: string; readonly tag: string; readonly placement: Placement },
  after: string | undefined,
  limit: number,
): Promise<LocalSlice<{ readonly names: readonly string[]; readonly value: Uint8Array }>> {
  const wanted = Math.min(limit, SCAN_SLICE_ROWS)
  const entries = await db.range(registerTree(table), { gt: after ?? '', limit: wanted })
  const digits = digitsOf(table.placement)
  return {
    rows: entries.map(({ key, value }) => ({ names: key.slice(digits).split('\0'), value })),
    next: entries.length < wanted ? undefined : entries.at(-1)!.key,
  }
}

/** The newest row under a key, on stable storage or not. */
export function mergedAt<Row>(db: Db, table: MergedTable<Row>, key: string): Row | undefined {
  const stored = db.get(registerTree(table), key)
  return stored === undefined ? undefined : decodeMerged(table, stored)
}
