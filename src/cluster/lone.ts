/** Membership of a node that stands alone: the implicit layout version 0 with one owner. */

import type { NodeId } from '../base/ids.ts'
import type { Cluster } from './cluster.ts'

/** A node with replication factor 1 that knows of no peers owns everything, at once. */
export function loneCluster(self: NodeId): Cluster {
  const epoch = { layout: 0, readmissions: 0 }
  const lists = [[self]]
  return { self, epoch: () => epoch, owners: () => lists }
}
