/** This node's rows: each change with its index rows, sides and hook in one batch. */

import { utf8 } from '../../base/bytes.ts'
import { blake3 } from '../../base/hash.ts'
import type { Ballot } from '../../base/ballot.ts'
import { compareBallots } from '../../base/ballot.ts'
import type { Batch, Db, Reader, Tree } from '../../db/db.ts'
import { TableError } from '../errors.ts'
import type { AcceptItem, PageAnswer, SideRow } from '../messages.ts'
import type { Place } from '../replication.ts'
import {
  indexText,
  packRegister,
  packSide,
  unpackRegister,
  unpackSide,
  type RegisterRow,
} from '../row.ts'
import {
  indexTree,
  registerTree,
  type IndexDefinition,
  type Plain,
  type RegisterTable,
  type SideRef,
} from '../schema.ts'

/** A register table with the trees that its rows lie in. */
export interface LocalTable {
  readonly table: RegisterTable<unknown>
  readonly rows: Tree<Uint8Array>
  readonly sides: ReadonlyMap<string, Tree<Uint8Array>>
  readonly indexes: ReadonlyMap<
    string,
    { readonly definition: IndexDefinition<unknown>; readonly tree: Tree<string> }
  >
}

export function localTable(table: RegisterTable<unknown>): LocalTable {
  return {
    table,
    rows: registerTree(table),
    sides: new Map(table.sides.map((side) => [side.name, registerTree(side)])),
    indexes: new Map(
      table.indexes.map((definition) => [
        definition.name,
        { definition, tree: indexTree(definition) },
      ]),
    ),
  }
}

/** The value of a row; undefined when the register was never written. */
export function valueOf<Value>(
  table: RegisterTable<Value>,
  row: RegisterRow | null | undefined,
): Value | undefined {
  if (row === null || row === undefined || row.version === 0) return undefined
  return table.decode(row.value, row.version)
}

export function digestOf(stored: Uint8Array): Uint8Array {
  return blake3(stored)
}

/** Of a page's entries and whether more follow; lengths keep one entry's text from being another's. */
export function digestOfPage({ keys, texts, done }: PageAnswer): Uint8Array {
  const entries = keys.map((key, at) => `${key.length}:${texts[at]!.length}:${key}${texts[at]!}`)
  return blake3(utf8(`${done ? 1 : 0}${entries.join('')}`))
}

/** Key of a side row: the register's, NUL, its own. */
export function sideKey(place: Place, key: string, sortKey: string): string {
  return `${place.prefix}${key}\0${sortKey}`
}

export function sideTree(local: LocalTable, side: string): Tree<Uint8Array> {
  const tree = local.sides.get(side)
  if (tree === undefined) {
    throw new TableError('BadMessage', `Cannot find side "${side}" of table "${local.table.name}"`)
  }
  return tree
}

/** The newest row, which may not be stable yet. */
export function newestRow(
  reader: Reader,
  local: LocalTable,
  place: Place,
  key: string,
): RegisterRow | undefined {
  const stored = reader.get(local.rows, place.prefix + key)
  return stored === undefined ? undefined : unpackRegister(stored)
}

export function sideRow(
  get: <V extends Uint8Array>(tree: Tree<V>, key: string) => V | undefined,
  local: LocalTable,
  at: { readonly place: Place; readonly key: string; readonly ref: SideRef },
): Plain | null {
  const tree = sideTree(local, at.ref.side)
  const stored = get(tree, sideKey(at.place, at.key, at.ref.sortKey))
  return stored === undefined ? null : unpackSide(stored)
}

/** The side rows that the last change of `row` wrote, as they are sent again with it. */
export function lastSides(
  reader: Reader,
  local: LocalTable,
  at: { readonly place: Place; readonly key: string; readonly row: RegisterRow },
): readonly SideRow[] {
  const get = <V extends Uint8Array>(tree: Tree<V>, key: string): V | undefined =>
    reader.get(tree, key)
  const rows: SideRow[] = []
  for (const [side, sortKey, ended] of at.row.sides) {
    const ref = { side, sortKey }
    const row = ended === 1 ? null : sideRow(get, local, { ref, ...at })
    // One that is gone was ended by a change that was chosen: nobody needs it again.
    if (ended === 1 || row !== null) rows.push({ row, ...ref })
  }
  return rows
}

/** Writes an accepted row with all that follows from it. `before` is the newest row so far. */
export function writeRegister(
  batch: Batch,
  local: LocalTable,
  at: {
    readonly place: Place
    readonly item: AcceptItem
    readonly before: RegisterRow | undefined
    /** No other owner exists: a register that is not listed any more needs no trace here. */
    readonly isSole: boolean
  },
): void {
  const { place, item, before, isSole } = at
  const { table } = local
  const { key, row } = item
  batch.put(local.rows, place.prefix + key, packRegister(row))
  const after = valueOf(table, row)
  const valueBefore = valueOf(table, before)
  for (const { definition, tree } of local.indexes.values()) {
    const line = after === undefined ? undefined : definition.line(after, key)
    if (line !== undefined) batch.put(tree, place.prefix + key, indexText(line, row.ballot))
    // What was never listed here needs no tombstone: whatever a quorum listed, one of any two
    // quorums listed too, and that one leaves a trace.
    else if (valueBefore !== undefined && definition.line(valueBefore, key) !== undefined) {
      if (isSole) batch.del(tree, place.prefix + key)
      else batch.put(tree, place.prefix + key, indexText(undefined, row.ballot))
    }
  }
  for (const { side, sortKey, row: content } of item.sides) {
    if (content === null) continue
    batch.put(sideTree(local, side), sideKey(place, key, sortKey), packSide(content))
  }
  // The change builds on our row, so our row was chosen: what it ended may go now.
  if (
    item.base !== null &&
    before !== undefined &&
    compareBallots(item.base, before.ballot) === 0
  ) {
    dropEnded(batch, local, { place, key, row: before })
  }
  tellHook(batch, table, { place, item, before: valueBefore, after })
}

function tellHook(
  batch: Batch,
  table: RegisterTable<unknown>,
  step: {
    readonly place: Place
    readonly item: AcceptItem
    readonly before: unknown
    readonly after: unknown
  },
): void {
  const { before, after, item } = step
  const { partitionKey } = step.place
  const { key } = item
  if (after !== undefined) {
    const sides = item.sides.map((side) => ({ ...side, row: side.row ?? undefined }))
    table.updated?.(batch, { partitionKey, key, before, after, sides })
    return
  }
  // It was accepted here and never chosen: what was chosen is that there is none.
  if (before !== undefined) table.dropped?.(batch, { partitionKey, key, before })
}

function dropEnded(
  batch: Batch,
  local: LocalTable,
  at: { readonly place: Place; readonly key: string; readonly row: RegisterRow },
): void {
  for (const [side, sortKey, ended] of at.row.sides) {
    if (ended === 1) dropSide(batch, local, { ref: { side, sortKey }, ...at })
  }
}

/** A change that ended `sides` was chosen at `ballot`: they go if our row has got so far. */
export function dropSides(
  db: Db,
  local: LocalTable,
  at: {
    readonly place: Place
    readonly key: string
    readonly ballot: Ballot
    readonly sides: readonly SideRef[]
  },
): void {
  const row = newestRow(db, local, at.place, at.key)
  if (row === undefined || compareBallots(row.ballot, at.ballot) < 0) return
  db.write((batch) => {
    for (const ref of at.sides) dropSide(batch, local, { ref, ...at })
  }).catch(() => undefined)
}

function dropSide(
  batch: Batch,
  local: LocalTable,
  at: { readonly place: Place; readonly key: string; readonly ref: SideRef },
): void {
  const tree = sideTree(local, at.ref.side)
  const key = sideKey(at.place, at.key, at.ref.sortKey)
  if (batch.get(tree, key) !== undefined) batch.del(tree, key)
}
