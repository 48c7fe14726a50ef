/** How well the cluster is, from the viewpoint of this node. */

import type { NodeId } from '../../base/ids.ts'
import { PARTITION_COUNT } from '../../cluster/cluster.ts'
import { storageOf } from '../../cluster/layout/history.ts'
import type { Members } from '../../cluster/members.ts'
import { countServed, type Served } from '../../cluster/served.ts'
import { upNodes, type LayoutContext } from '../../store/layout/layout.ts'
import type { ClusterHealthAnswer } from './answers.ts'
import type { NodePeers, NodeView } from './operation.ts'

/** What health is judged by; an `AdminContext` is one. */
export interface HealthContext {
  readonly node: Pick<NodeView, 'id' | 'condition' | 'card'> & {
    readonly peers: Pick<NodePeers, 'card'>
  }
  readonly layout: Pick<LayoutContext, 'network'> & {
    readonly members: Pick<Members, 'self' | 'history'>
  }
}

export async function healthOf(context: HealthContext): Promise<ClusterHealthAnswer> {
  const { node, layout } = context
  const history = layout.members.history()
  const isServing = node.condition().kind === 'serving'
  const up = new Set(upNodes(layout))
  const known = new Set([...layout.network.peers().map((peer) => peer.node), ...up])
  const storage = history === undefined ? [] : [...storageOf(history)]
  for (const id of history?.nodes.keys() ?? []) known.add(id)
  if (!isServing) up.delete(node.id)
  const mute = await voteless(context, up)
  const partitions = servedBy(context, up, mute)
  const isWell = (id: NodeId): boolean => up.has(id) && !mute.has(id)
  const well = storage.filter(isWell).length
  const isWhole = partitions.all === PARTITION_COUNT && well === storage.length
  const isServed = isServing && partitions.quorum === PARTITION_COUNT
  return {
    status: !isServed ? 'unavailable' : isWhole ? 'healthy' : 'degraded',
    knownNodes: known.size,
    connectedNodes: new Set([...up, node.id]).size,
    storageNodes: node.condition().kind === 'waiting' ? 0 : storage.length,
    storageNodesOk: well,
    storageNodesUp: well,
    partitions: PARTITION_COUNT,
    partitionsQuorum: partitions.quorum,
    partitionsAllOk: partitions.all,
  }
}

/** How many partitions have a quorum while `node` is down, beside those that are down now. */
export async function servedWithout(context: HealthContext, node: NodeId): Promise<number> {
  const up = new Set(upNodes(context.layout))
  up.delete(node)
  return servedBy(context, up, await voteless(context, up)).quorum
}

type Mute = ReadonlyMap<NodeId, ReadonlySet<number>>

function servedBy({ layout }: HealthContext, up: ReadonlySet<NodeId>, mute: Mute): Served {
  const history = layout.members.history()
  return countServed(
    history,
    (id, partition) => up.has(id) && mute.get(id)?.has(partition) !== true,
  )
}

/** The nodes that lost rows, by their own word. One that says nothing is taken for whole. */
async function voteless({ node, layout }: HealthContext, up: ReadonlySet<NodeId>): Promise<Mute> {
  const history = layout.members.history()
  const mute = new Map<NodeId, ReadonlySet<number>>()
  const asked = history === undefined ? [] : [...storageOf(history)].filter((id) => up.has(id))
  const asking = asked.map(async (id) => {
    const card = await (id === node.id ? node.card() : node.peers.card(id)).catch(() => undefined)
    const partitions = card?.voteless ?? []
    if (partitions.length > 0) mute.set(id, new Set(partitions))
  })
  await Promise.all(asking)
  return mute
}
