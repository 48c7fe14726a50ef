/** What lies on all nodes once nothing moves any more. */

import type { NodeId } from '../../base/ids.ts'
import { inventoryFaults } from '../inventory.ts'
import { partitionNumbers } from '../layouts.ts'
import type { Product } from '../../node/product.ts'
import type { SimulatedNode } from '../node.ts'
import { tombstonesOf } from '../tombstones.ts'
import { indexFaults } from './listing.ts'
import { holdingsOf, orphanFaults } from './orphans.ts'
import { loanFaults, recountFaults } from './recount.ts'

type OwnersOf = (partition: number) => readonly NodeId[]

/** @returns what is wrong, a sentence each; every node is up */
export async function stockFaults(
  nodes: readonly SimulatedNode[],
  ownersOf: OwnersOf,
): Promise<string[]> {
  const { signal } = new AbortController()
  const products = nodes.map(({ product }) => product!)
  const roots = new Map<NodeId, Roots>()
  for (const { nodeId, tables } of products) roots.set(nodeId, await tables.roots(signal))
  const own = await Promise.all(products.map((product) => ownFaults(product)))
  const difference = differenceOf(roots, ownersOf)
  return [
    ...(difference === undefined ? [] : [`owners differ: ${difference}`]),
    ...own.flatMap((found, index) => found.map((fault) => `node ${index}: ${fault}`)),
    ...orphanFaults(await holdingsOf(products)),
  ]
}

/** What lies wrong on one node. */
async function ownFaults(product: Product): Promise<string[]> {
  return [
    ...(await inventoryFaults(product)),
    ...(await tombstonesOf(product)),
    ...(await indexFaults(product)),
    ...(await recountFaults(product)),
    ...loanFaults(product),
  ]
}

/** Of one node, by table and partition. */
type Roots = ReadonlyMap<string, ReadonlyMap<number, string>>

/** The first table and partition that the owners hold differently, or that others hold. */
export function differenceOf(
  all: ReadonlyMap<NodeId, Roots>,
  ownersOf: OwnersOf,
): string | undefined {
  const tables = [...all.values()][0]!.keys()
  for (const table of tables) {
    for (const partition of partitionNumbers) {
      const owners = ownersOf(partition)
      const roots = new Set(owners.map((node) => all.get(node)!.get(table)!.get(partition)))
      if (roots.size > 1) return `table ${table}, partition ${partition}`
      for (const [node, own] of all) {
        if (!owners.includes(node) && own.get(table)!.has(partition)) {
          return `table ${table}, partition ${partition}, lies on a node that does not own it`
        }
      }
    }
  }
  return undefined
}
