/** What a node says that it holds is what its rows add up to; and nothing is out on loan. */

import {
  addCounts,
  countsOf,
  countsText,
  noCounts,
  readCounts,
  type Counts,
} from '../../model/counter.table.ts'
import type { ObjectValue } from '../../model/rows/object.ts'
import type { Product } from '../../node/product.ts'

const SLICE = 1000

/** @returns what is wrong, a sentence each */
export async function recountFaults({ tables, model, db }: Product): Promise<string[]> {
  const { rows } = await tables.localRegisters(model.object, undefined, SLICE)
  const said = (shard: string): Counts => readCounts(db, shard)
  return counterFaults(rows, said)
}

export function counterFaults(
  rows: readonly { readonly partitionKey: string; readonly value: ObjectValue | undefined }[],
  said: (shard: string) => Counts,
): string[] {
  const sums = new Map<string, Counts>()
  for (const { partitionKey, value } of rows) {
    sums.set(partitionKey, addCounts(sums.get(partitionKey) ?? noCounts, countsOf(value)))
  }
  return [...sums].flatMap(([shard, sum]) => {
    const own = countsText(said(shard))
    const found = countsText(sum)
    return own === found ? [] : [`a shard says "${own}", its rows add up to "${found}"`]
  })
}

/** Buffers, permits and promises that somebody holds although nothing runs. */
export function loanFaults(product: Pick<Product, 'blocks' | 'store'>): string[] {
  const { freeCount, totalCount } = product.blocks.slab
  const { count } = product.store.operations
  return [
    ...(freeCount === totalCount ? [] : [`${totalCount - freeCount} block buffers are still out`]),
    ...(count === 0 ? [] : [`${count} operations still run`]),
  ]
}
