/** How well the cluster is, from the viewpoint of this node. Pure. */

import { PARTITION_COUNT } from '../../cluster/cluster.ts'
import type { NodeView } from './operation.ts'

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

export function healthOf(node: NodeView): ClusterHealth {
  const { kind } = node.condition()
  const partitionsServed = kind === 'serving' ? PARTITION_COUNT : 0
  return {
    status: kind === 'serving' ? 'healthy' : 'unavailable',
    knownNodes: 1,
    connectedNodes: 1,
    storageNodes: kind === 'waiting' ? 0 : 1,
    storageNodesOk: kind === 'serving' ? 1 : 0,
    partitions: PARTITION_COUNT,
    partitionsQuorum: partitionsServed,
    partitionsAllOk: partitionsServed,
  }
}
