/** Which partitions can be served while some nodes are down or have no vote. Pure. */

import type { NodeId } from '../base/ids.ts'
import { PARTITION_COUNT, quorumOf } from './cluster.ts'
import type { LayoutHistory } from './layout/history.ts'
import { ownersIn } from './layout/layout.ts'

/** Partitions of which a quorum, and all owners, count in every active layout. */
export interface Served {
  readonly quorum: number
  readonly all: number
}

/** @param counts whether a node can be asked and has a vote in the partition */
export function countServed(
  history: LayoutHistory | undefined,
  counts: (node: NodeId, partition: number) => boolean,
): Served {
  const served = { quorum: 0, all: 0 }
  if (history === undefined) return served
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    const lists = history.active.map((layout) => ownersIn(layout, partition))
    const has = (list: readonly NodeId[], wanted: number): boolean =>
      list.filter((node) => counts(node, partition)).length >= wanted
    if (lists.every((list) => has(list, quorumOf(list)))) served.quorum += 1
    if (lists.every((list) => has(list, list.length))) served.all += 1
  }
  return served
}

/** Whether the layout can be changed: those that store, but are not lost, are asked. */
export function isChangeable(history: LayoutHistory, counts: (node: NodeId) => boolean): boolean {
  return history.active.every(({ storage, version }) => {
    const asked = storage.filter((node) => history.nodes.get(node)?.isLost !== true)
    if (asked.length === 0) return version !== history.readVersion
    return asked.filter(counts).length >= quorumOf(asked)
  })
}
