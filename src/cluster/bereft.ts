/** What a change of layout cannot move by nodes that are declared lost: it does not wait for them. Pure. */

import type { NodeId } from '../base/ids.ts'
import { newestLayout, type LayoutHistory } from './layout/history.ts'
import { isOwnerIn, partitionsWithoutQuorum, type Layout } from './layout/layout.ts'

/**
 * Partitions of which no quorum of the newest owners would be left if a node were declared lost now: reads
 * do not move to such a layout, so the change would hang until another one takes its place. One in between
 * is passed over.
 */
export function partitionsBereft(history: LayoutHistory, lost: NodeId): number {
  const isLeft = (id: NodeId): boolean => id !== lost && !isDeclared(history, id)
  const newest = newestLayout(history)
  // While older owners are there they keep what they hold, though it may not be read any more.
  if (history.active.length === 1) return 0
  const short = partitionsWithoutQuorum(newest, isLeft)
  return short.filter((partition) => isOwnerIn(newest, partition, lost)).length
}

/** The same of a layout that would begin. */
function partitionsBereftIn(history: LayoutHistory, layout: Layout): number {
  return partitionsWithoutQuorum(layout, (id) => !isDeclared(history, id)).length
}

/** Why such a layout is refused; undefined where it is not. */
export function bereftText(history: LayoutHistory | undefined, layout: Layout): string | undefined {
  const bereft = history === undefined ? 0 : partitionsBereftIn(history, layout)
  if (history === undefined || bereft === 0) return undefined
  const lost = layout.storage.filter((id) => isDeclared(history, id))
  return (
    `Cannot make a layout: ${bereft} partitions would belong to nodes that were declared lost and have no ` +
    'quorum without them, so it could not be read. Take the roles of these away, or give them to others: ' +
    lost.map((id) => id.slice(0, 16)).join(', ')
  )
}

function isDeclared(history: LayoutHistory, id: NodeId): boolean {
  return history.nodes.get(id)?.isLost === true
}
