/** GetClusterStatus: the nodes, their roles and their free space. */

import type { DiskSpace } from '../../../base/disk.ts'
import type { NodeId } from '../../../base/ids.ts'
import { nodesOf } from '../../../cluster/layout/giving-up.ts'
import { newestLayout, storageOf, type LayoutHistory } from '../../../cluster/layout/history.ts'
import { standsAlone } from '../../../cluster/lone.ts'
import { upNodes } from '../../../store/layout/layout.ts'
import { clusterStatusShape, type ClusterStatusAnswer } from '../answers.ts'
import { roleAnswer } from '../layout.ts'
import { versionText } from '../nodes.ts'
import { garageOperation, type AdminContext, type AskedCard } from '../operation.ts'

export const getClusterStatus = garageOperation(
  'GET',
  'GetClusterStatus',
  async (context): Promise<ClusterStatusAnswer> => {
    const { layout, node } = context
    const history = layout.members.history()
    const peers = new Map(node.peers.list().map((peer) => [peer.node, peer]))
    const up = new Set(upNodes(layout))
    const known = new Set([
      ...up,
      ...peers.keys(),
      ...(history === undefined ? [] : nodesOf(history)),
    ])
    known.delete(node.id)
    const others = [...known].map(async (id): Promise<NodeStatus> => {
      const peer = peers.get(id)
      const card = up.has(id) ? await node.peers.card(id).catch(() => undefined) : undefined
      return {
        ...statusOf(id, card),
        ...{ addr: peer?.address ?? card?.address ?? null, isUp: up.has(id) },
        ...{ lastSeenSecsAgo: peer?.lastSeenSecs ?? null, ...placeOf(history, id) },
      }
    })
    const nodes = await Promise.all([selfStatus(context), ...others])
    const unmetPeers = node.peers.unmet()
    return {
      layoutVersion: history === undefined ? 0 : newestLayout(history).version,
      nodes: nodes.sort((a, b) => (a.id < b.id ? -1 : 1)),
      ...(unmetPeers.length === 0 ? {} : { unmetPeers }),
    }
  },
  { data: false, answer: clusterStatusShape },
)

type NodeStatus = ClusterStatusAnswer['nodes'][number]

async function selfStatus({ node, layout }: AdminContext): Promise<NodeStatus> {
  const card = await node.card()
  const { data } = card
  const history = layout.members.history()
  const place =
    standsAlone(layout.members) && node.condition().kind !== 'waiting'
      ? { role: { zone: 'default', tags: [], capacity: data?.totalBytes ?? 0 }, draining: false }
      : placeOf(history, node.id)
  return {
    ...statusOf(node.id, { ...card, clockAheadMs: 0 }),
    ...{ addr: card.address, isUp: true, lastSeenSecsAgo: null, ...place },
  }
}

/** What a node says of itself; nothing of one that says nothing. */
function statusOf(
  id: NodeId,
  card: AskedCard | undefined,
): Pick<
  NodeStatus,
  | 'id'
  | 'garageVersion'
  | 'hostname'
  | 'notice'
  | 'missingBlocks'
  | 'clockAheadMs'
  | 'dataPartition'
  | 'metadataPartition'
> {
  if (card === undefined) return { id, garageVersion: null, hostname: null }
  const { hostname, version, notice, data, metadata, missingBlocks, clockAheadMs } = card
  return {
    ...{ id, garageVersion: versionText(version), hostname },
    ...(notice === null ? {} : { notice }),
    // One of an older version does not say it.
    ...(typeof missingBlocks === 'number' ? { missingBlocks } : {}),
    ...(clockAheadMs === undefined ? {} : { clockAheadMs }),
    ...(data === null ? {} : { dataPartition: freeSpace(data) }),
    ...(metadata === null ? {} : { metadataPartition: freeSpace(metadata) }),
  }
}

/** A node's role, and whether it only still holds what older layouts gave it. */
function placeOf(
  history: LayoutHistory | undefined,
  node: NodeId,
): Pick<NodeStatus, 'role' | 'draining'> {
  if (history === undefined) return { role: null, draining: false }
  const newest = newestLayout(history)
  const role = newest.roles.get(node)
  const draining = storageOf(history).has(node) && !newest.storage.includes(node)
  return { role: role === undefined ? null : roleAnswer(role), draining }
}

function freeSpace(space: DiskSpace): { available: number; total: number } {
  return { available: space.availableBytes, total: space.totalBytes }
}
