/** Throws away what lies here of partitions that this node does not own, or is about to gain. */

import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import type { Db, Tree } from '../../db/db.ts'
import { valueOf, type LocalTable } from '../owner/local.ts'
import { decodeMerged, type LocalMerged } from '../owner/merged.ts'
import { unpackRegister } from '../row.ts'
import type { Placement } from '../schema.ts'
import { namesOf, partitionBounds } from './units.ts'

export interface EmptyOptions {
  readonly db: Db
  readonly registers: ReadonlyMap<string, LocalTable>
  readonly merged: ReadonlyMap<string, LocalMerged>
}

/**
 * Deletes their rows in slices; what was counted of them is counted back. Cut off anywhere, it can
 * be done again.
 *
 * @throws the reason of `signal` when it is aborted first
 */
export async function emptyPartitions(
  options: EmptyOptions,
  partitions: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  const { db, registers, merged } = options
  for (const local of registers.values()) {
    const { placement } = local.table
    for (const partition of partitions) {
      const bounds = partitionBounds(placement, partition)
      await emptyTree(db, local.rows, { bounds, signal, drop: dropRegister(local) })
      for (const tree of local.sides.values()) {
        await emptyTree(db, tree, { bounds, signal, drop: () => undefined })
      }
      for (const { tree } of local.indexes.values()) {
        await emptyTree(db, tree, { bounds, signal, drop: () => undefined })
      }
    }
  }
  for (const local of merged.values()) {
    for (const partition of partitions) {
      const bounds = partitionBounds(local.table.placement, partition)
      await emptyTree(db, local.rows, { bounds, signal, drop: dropMerged(local) })
    }
  }
}

type Drop<Value> = (
  batch: Parameters<Parameters<Db['write']>[0]>[0],
  key: string,
  value: Value,
) => void

async function emptyTree<Value extends string | Uint8Array>(
  db: Db,
  tree: Tree<Value>,
  work: {
    readonly bounds: { readonly gte: string; readonly lt: string }
    readonly signal: AbortSignal
    readonly drop: Drop<Value>
  },
): Promise<void> {
  for (;;) {
    work.signal.throwIfAborted()
    const slice = await db.range(tree, { ...work.bounds, limit: SCAN_SLICE_ROWS })
    if (slice.length === 0) return
    await db.write((batch) => {
      for (const { key } of slice) {
        // The newest one counts, not the one that was stable when the slice was read.
        const value = batch.get(tree, key)
        if (value === undefined) continue
        work.drop(batch, key, value)
        batch.del(tree, key)
      }
    })
  }
}

function dropRegister({ table }: LocalTable): Drop<Uint8Array> {
  return (batch, key, stored) => {
    const before = valueOf(table, unpackRegister(stored))
    if (before === undefined) return
    table.dropped?.(batch, { ...namesOf(table.placement, key), before })
  }
}

function dropMerged({ table }: LocalMerged): Drop<Uint8Array> {
  const placement: Placement = table.placement
  return (batch, key, stored) => {
    const { partitionKey, key: sortKey } = namesOf(placement, key)
    table.dropped?.(batch, { partitionKey, sortKey, before: decodeMerged(table, stored) })
  }
}
