/** GetClusterStatus: the nodes, their roles and their free space. */

import type { DiskSpace } from '../../../base/disk.ts'
import { garageOperation } from '../operation.ts'

export const getClusterStatus = garageOperation(
  'GET',
  'GetClusterStatus',
  async ({ node }) => {
    const { data, metadata } = await node.spaces()
    const condition = node.condition()
    const role =
      condition.kind === 'waiting'
        ? null
        : { zone: 'default', tags: [], capacity: data?.totalBytes ?? 0 }
    return {
      layoutVersion: 0,
      nodes: [
        {
          id: node.id,
          garageVersion: `hangar ${node.version}`,
          addr: node.address() ?? null,
          hostname: node.hostname,
          isUp: true,
          lastSeenSecsAgo: null,
          role,
          draining: false,
          ...(condition.kind === 'serving' ? {} : { notice: condition.sentence }),
          ...(data === undefined ? {} : { dataPartition: freeSpace(data) }),
          ...(metadata === undefined ? {} : { metadataPartition: freeSpace(metadata) }),
        },
      ],
    }
  },
  { data: false },
)

function freeSpace(space: DiskSpace): { available: number; total: number } {
  return { available: space.availableBytes, total: space.totalBytes }
}
