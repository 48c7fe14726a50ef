/** What a change of layout would lose by nodes that are declared lost: it does not wait for them. Pure. */

import type { NodeId } from '../base/ids.ts'
import { PARTITION_COUNT, quorumOf } from './cluster.ts'
import { readLayout, type LayoutHistory } from './layout/history.ts'
import { ownersIn, type Layout } from './layout/layout.ts'

/**
 * Partitions of which no quorum of new owners would be left if a node were declared lost now: reads would
 * move to owners that hold nothing, and the old ones throw away what they have.
 */
export function partitionsBereft(history: LayoutHistory, lost: NodeId): number {
  const read = readLayout(history)
  const next = history.active.filter(({ version }) => version > read.version)
  const isLost = (id: NodeId): boolean => id === lost || isDeclared(history, id)
  return countBereft(next, isLost, (owners) => owners.includes(lost))
}

/** The same of a layout that would begin. */
function partitionsBereftIn(history: LayoutHistory, layout: Layout): number {
  return countBereft([layout], (id) => isDeclared(history, id))
}

/** Why such a layout is refused; undefined where it is not. */
export function bereftText(history: LayoutHistory | undefined, layout: Layout): string | undefined {
  const bereft = history === undefined ? 0 : partitionsBereftIn(history, layout)
  if (history === undefined || bereft === 0) return undefined
  const lost = layout.storage.filter((id) => isDeclared(history, id))
  return (
    `Cannot make a layout: ${bereft} partitions would belong to nodes that were declared lost, and what ` +
    'others hold of them would be thrown away. Take the roles of these away, or give them to others: ' +
    lost.map((id) => id.slice(0, 16)).join(', ')
  )
}

function isDeclared(history: LayoutHistory, id: NodeId): boolean {
  return history.nodes.get(id)?.isLost === true
}

function countBereft(
  layouts: readonly Layout[],
  isLost: (id: NodeId) => boolean,
  counts: (owners: readonly NodeId[]) => boolean = () => true,
): number {
  let count = 0
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    const isBereft = layouts.some((layout) => {
      const owners = ownersIn(layout, partition)
      const left = owners.filter((id) => !isLost(id)).length
      return counts(owners) && left < quorumOf(owners)
    })
    if (isBereft) count += 1
  }
  return count
}
