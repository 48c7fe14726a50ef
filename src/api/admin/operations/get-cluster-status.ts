/** GetClusterStatus: the nodes, their roles and their free space. */

import type { DiskSpace } from '../../../base/disk.ts'
import { METADATA_RESERVE_BYTES } from '../../../base/limits.ts'
import { garageOperation } from '../operation.ts'

export const getClusterStatus = garageOperation(
  'GET',
  'GetClusterStatus',
  async ({ node }) => {
    const { data, metadata } = await node.spaces()
    const condition = node.condition()
    const notice = condition.kind === 'serving' ? shortageOf(metadata) : condition.sentence
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
          ...(notice === undefined ? {} : { notice }),
          ...(data === undefined ? {} : { dataPartition: freeSpace(data) }),
          ...(metadata === undefined ? {} : { metadataPartition: freeSpace(metadata) }),
        },
      ],
    }
  },
  { data: false },
)

function shortageOf(metadata: DiskSpace | undefined): string | undefined {
  if (metadata === undefined || metadata.availableBytes >= METADATA_RESERVE_BYTES) return undefined
  return 'This node takes no uploads, for the drive of its rows is full: delete something or make it larger'
}

function freeSpace(space: DiskSpace): { available: number; total: number } {
  return { available: space.availableBytes, total: space.totalBytes }
}
