/** Membership without a layout that anybody made: of a node that stands alone. */

import type { NodeId } from '../base/ids.ts'
import type { Cluster } from './cluster.ts'
import { newcomer, newestLayout, nothingStaged, type LayoutHistory } from './layout/history.ts'
import { loneLayout } from './layout/layout.ts'

/** What a node that stands alone has instead of a register. */
export function loneHistory(self: NodeId, clusterId: string): LayoutHistory {
  return {
    active: [loneLayout(self)],
    former: [],
    staged: nothingStaged,
    nodes: new Map([[self, newcomer]]),
    ...{ clusterId, revision: 0, readmissions: 0, movedAt: 0, changedAt: 0, readVersion: 0 },
  }
}

/** Whether it is that of a node which stands alone. */
export function isAlone(history: LayoutHistory): boolean {
  return newestLayout(history).version === 0
}

/** Whether everything there is lies on this node: every change passes here. */
export function standsAlone(cluster: Pick<Cluster, 'self' | 'history'>): boolean {
  const history = cluster.history()
  if (history === undefined) return false
  return isAlone(history) && newestLayout(history).storage[0] === cluster.self
}

/** Whether no other node stores: nobody could let this one in again, nor knows what it lacks. */
export function storesAlone(history: LayoutHistory, self: NodeId): boolean {
  return history.active.every(({ storage }) => storage.every((node) => node === self))
}

/** A node with replication factor 1 that knows of no peers owns everything, at once. */
export function loneCluster(self: NodeId): Cluster {
  return fixedCluster(self, [[self]])
}

/** The same owners for every partition, for ever. */
export function fixedCluster(
  self: NodeId,
  lists: readonly (readonly NodeId[])[],
  version = 0,
): Cluster {
  const epoch = { layout: version, readmissions: 0 }
  return {
    self,
    epoch: () => epoch,
    owners: () => lists,
    readers: () => lists[0]!,
    readVersion: () => (lists.length > 1 ? version - 1 : version),
    heard: () => undefined,
    history: () => undefined,
    learn: () => false,
    onChange: () => undefined,
  }
}
