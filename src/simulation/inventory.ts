/** What lies on a node once nothing moves any more: each block counted, there, and needed. */

import type { Product } from '../node/product.ts'

const SLICE = 1000

/**
 * Compares the block references of a node with its counts and its blocks.
 *
 * @returns what is wrong, a sentence each
 */
export async function inventoryFaults(product: Product): Promise<string[]> {
  const { tables, model, blocks } = product
  const live = new Map<string, number>()
  for (let after: string | undefined; ;) {
    const { rows, next } = await tables.localRows(model.blockRef, after, SLICE)
    for (const { partitionKey, row } of rows) {
      if (row.live) live.set(partitionKey, (live.get(partitionKey) ?? 0) + 1)
    }
    if (next === undefined) break
    after = next
  }
  const faults: string[] = []
  for (const [hash, count] of live) {
    const counted = blocks.referenceCount(hash)
    const name = hash.slice(0, 8)
    if (counted !== count) faults.push(`block ${name} has ${count} references, counted ${counted}`)
    if (!blocks.has(hash)) faults.push(`block ${name} is referred to and not there`)
  }
  for (let after: string | undefined; ;) {
    const hashes = await blocks.allHashes(after, SLICE)
    for (const hash of hashes) {
      if (!live.has(hash)) faults.push(`block ${hash.slice(0, 8)} is there for nobody`)
    }
    if (hashes.length < SLICE) break
    after = hashes.at(-1)
  }
  const [wanted] = await blocks.wanted(undefined, 1)
  if (wanted !== undefined) faults.push(`block ${wanted.slice(0, 8)} is still wanted`)
  return faults
}
