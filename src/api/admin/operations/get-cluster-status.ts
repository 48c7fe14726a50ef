/** GetClusterStatus: the nodes, their roles and their free space. */

import type { DiskSpace } from '../../../base/disk.ts'
import type { NodeId } from '../../../base/ids.ts'
import { METADATA_RESERVE_BYTES } from '../../../base/limits.ts'
import { newestLayout, storageOf, type LayoutHistory } from '../../../cluster/layout/history.ts'
import { isAlone } from '../../../cluster/lone.ts'
import { upNodes } from '../../../store/layout/layout.ts'
import type { ClusterStatusAnswer } from '../answers.ts'
import { roleAnswer } from '../layout.ts'
import { garageOperation, type AdminContext } from '../operation.ts'

export const getClusterStatus = garageOperation(
  'GET',
  'GetClusterStatus',
  async (context): Promise<ClusterStatusAnswer> => {
    const { layout } = context
    const history = layout.members.history()
    const up = new Set(upNodes(layout))
    const known = new Set([
      ...up,
      ...layout.network.peers().map(({ node }) => node),
      ...(history?.nodes.keys() ?? []),
    ])
    const self = await selfStatus(context)
    const others = [...known]
      .filter((node) => node !== layout.members.self)
      .map((id) => ({
        ...{ id, garageVersion: null, addr: null, hostname: null, isUp: up.has(id) },
        ...{ lastSeenSecsAgo: null, ...placeOf(history, id) },
      }))
    return {
      layoutVersion: history === undefined ? 0 : newestLayout(history).version,
      nodes: [self, ...others].sort((a, b) => (a.id < b.id ? -1 : 1)),
    }
  },
  { data: false },
)

type NodeStatus = ClusterStatusAnswer['nodes'][number]

async function selfStatus({ node, layout }: AdminContext): Promise<NodeStatus> {
  const { data, metadata } = await node.spaces()
  const condition = node.condition()
  const notice = condition.kind === 'serving' ? shortageOf(metadata) : condition.sentence
  const history = layout.members.history()
  const place =
    history !== undefined && isAlone(history) && condition.kind !== 'waiting'
      ? { role: { zone: 'default', tags: [], capacity: data?.totalBytes ?? 0 }, draining: false }
      : placeOf(history, node.id)
  return {
    id: node.id,
    garageVersion: `hangar ${node.version}`,
    addr: node.address() ?? null,
    hostname: node.hostname,
    isUp: true,
    lastSeenSecsAgo: null,
    ...place,
    ...(notice === undefined ? {} : { notice }),
    ...(data === undefined ? {} : { dataPartition: freeSpace(data) }),
    ...(metadata === undefined ? {} : { metadataPartition: freeSpace(metadata) }),
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

function shortageOf(metadata: DiskSpace | undefined): string | undefined {
  if (metadata === undefined || metadata.availableBytes >= METADATA_RESERVE_BYTES) return undefined
  return 'This node takes no uploads, for the drive of its rows is full: delete something or make it larger'
}

function freeSpace(space: DiskSpace): { available: number; total: number } {
  return { available: space.availableBytes, total: space.totalBytes }
}
