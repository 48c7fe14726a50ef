/** How well the cluster is, from the viewpoint of this node. Pure. */

import type { NodeId } from '../../base/ids.ts'
import { PARTITION_COUNT } from '../../cluster/cluster.ts'
import { storageOf } from '../../cluster/layout/history.ts'
import { countServed } from '../../cluster/served.ts'
import { upNodes } from '../../store/layout/layout.ts'
import type { AdminContext } from './operation.ts'

/** Source: Garage v2 admin API, GetClusterHealth. */
export interface ClusterHealth {
  readonly status: 'healthy' | 'degraded' | 'unavailable'
  readonly knownNodes: number
  readonly connectedNodes: number
  readonly storageNodes: number
  readonly storageNodesOk: number
  readonly partitions: number
  readonly partitionsQuorum: number
  readonly partitionsAllOk: number
}

export function healthOf({ node, layout }: Pick<AdminContext, 'node' | 'layout'>): ClusterHealth {
  const history = layout.members.history()
  const isServing = node.condition().kind === 'serving'
  const up = new Set(upNodes(layout))
  const known = new Set([...layout.network.peers().map((peer) => peer.node), ...up])
  const storage = history === undefined ? [] : [...storageOf(history)]
  for (const id of history?.nodes.keys() ?? []) known.add(id)
  if (!isServing) up.delete(node.id)
  const partitions = countServed(history, (id) => up.has(id))
  const isWhole = partitions.all === PARTITION_COUNT && storage.every((id) => up.has(id))
  const isServed = isServing && partitions.quorum === PARTITION_COUNT
  return {
    status: !isServed ? 'unavailable' : isWhole ? 'healthy' : 'degraded',
    knownNodes: known.size,
    connectedNodes: new Set([...up, node.id]).size,
    storageNodes: node.condition().kind === 'waiting' ? 0 : storage.length,
    storageNodesOk: storage.filter((id) => up.has(id)).length,
    partitions: PARTITION_COUNT,
    partitionsQuorum: partitions.quorum,
    partitionsAllOk: partitions.all,
  }
}

/** How many partitions have a quorum while `node` is down, beside those that are down now. */
export function servedWithout({ layout }: Pick<AdminContext, 'layout'>, node: NodeId): number {
  const up = new Set(upNodes(layout))
  up.delete(node)
  return countServed(layout.members.history(), (id) => up.has(id)).quorum
}
