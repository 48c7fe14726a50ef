/** Whose turn it is to do what is enough when one owner does it. */

import { utf8 } from '../../base/bytes.ts'
import { blake3 } from '../../base/hash.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Network } from '../../base/network.ts'
import type { Cluster } from '../../cluster/cluster.ts'

/** What a node sees of the cluster. */
export interface Sight {
  readonly cluster: Pick<Cluster, 'self' | 'readers'>
  readonly network: Pick<Network, 'peers'>
}

export interface Turn {
  /** Undefined where no owner is up. */
  readonly doer: NodeId | undefined
  /** Owners that are down, and would come before him. */
  readonly passedBy: readonly NodeId[]
}

/** Of the owners of the rows under a partition key it is the first that is up. */
export function turnOf(sight: Sight, partitionKey: string): Turn {
  const up = upNodes(sight)
  const owners = ownersOf(sight, partitionKey)
  const first = owners.findIndex((node) => up.has(node))
  return { doer: owners[first], passedBy: owners.slice(0, Math.max(first, 0)) }
}

/** Where the rows of the objects lie: see `Placement`. */
export function ownersOf({ cluster }: Sight, partitionKey: string): readonly NodeId[] {
  return cluster.readers(blake3(utf8(partitionKey))[0]!)
}

/** This node and those that it reaches. */
export function upNodes({ cluster, network }: Sight): ReadonlySet<NodeId> {
  const others = network.peers().flatMap(({ node, isUp }) => (isUp ? [node] : []))
  return new Set([cluster.self, ...others])
}
