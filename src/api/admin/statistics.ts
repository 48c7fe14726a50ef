/** Statistics as text, as Garage has them: what the nodes have room for, and what they work on. */

import type { NodeId } from '../../base/ids.ts'
import { PARTITION_COUNT } from '../../cluster/cluster.ts'
import { storingNodes } from '../../cluster/layout/giving-up.ts'
import { newestLayout } from '../../cluster/layout/history.ts'
import { countPartitions, type Layout } from '../../cluster/layout/layout.ts'
import type { AdminContext, NodeCard, WorkerReport } from './operation.ts'

/** A node that stores; what it does not say is undefined. */
interface Holder {
  readonly id: NodeId
  readonly hostname: string | undefined
  readonly partitions: number
  readonly freeBytes: number | undefined
  readonly missingBlocks: number | undefined
}

/** The nodes that store, and how much more fits: as much as the fullest of them still takes. */
export async function clusterStatistics({ node, layout }: AdminContext): Promise<string> {
  const history = layout.members.history()
  if (history === undefined) return 'There is no layout yet.\n'
  const newest = newestLayout(history)
  const holders = await Promise.all(
    [...storingNodes(history)].sort().map(async (id) => {
      const card = id === node.id ? node.card() : node.peers.card(id)
      return holderOf(id, newest, await card.catch(() => undefined))
    }),
  )
  const titles = ['id', 'hostname', 'zone', 'capacity', 'partitions', 'data available']
  const lines = [
    [...titles, 'blocks missing'].join('\t'),
    ...holders.map((holder) => lineOf(holder, newest)),
    '',
    roomText(holders, newest),
    `Blocks with a copy less than they should have: ${missingText(holders)}`,
  ]
  return `${lines.join('\n')}\n`
}

function holderOf(id: NodeId, newest: Layout, card: NodeCard | undefined): Holder {
  return {
    ...{ id, hostname: card?.hostname },
    partitions: newest.version === 0 ? PARTITION_COUNT : countPartitions(newest, id),
    freeBytes: card?.data?.availableBytes,
    missingBlocks: card?.missingBlocks ?? undefined,
  }
}

function lineOf(holder: Holder, { roles }: Layout): string {
  const { id, hostname = '?', partitions, freeBytes = '?', missingBlocks = '?' } = holder
  const { zone = 'default', capacityBytes = '' } = roles.get(id) ?? {}
  const place = [id.slice(0, 16), hostname, zone, capacityBytes]
  return [...place, partitions, freeBytes, missingBlocks].join('\t')
}

function roomText(holders: readonly Holder[], { factor }: Layout): string {
  const fits = holders.flatMap(({ partitions, freeBytes }) =>
    partitions === 0 || freeBytes === undefined ? [] : [freeBytes / partitions],
  )
  if (fits.length === 0) return 'Room for more: not known, no node that stores answers'
  const bytes = Math.floor(Math.min(...fits) * PARTITION_COUNT)
  return `Room for more: about ${bytes} bytes of objects, each stored ${factor} times`
}

function missingText(holders: readonly Holder[]): string {
  const counts = holders.map(({ missingBlocks }) => missingBlocks)
  if (counts.includes(undefined)) return 'not known, for a node does not answer'
  return String(counts.reduce<number>((sum, each) => sum + (each ?? 0), 0))
}

/** What one node's workers have in their queues. */
export function nodeStatistics(reports: readonly WorkerReport[]): string {
  const lines = reports.map(({ name, state, queueLength, errors, remarks }) =>
    [name, state, queueLength ?? '-', errors, remarks.join('; ')].join('\t').trimEnd(),
  )
  return `${['worker\tstate\tqueue\terrors\tremarks', ...lines].join('\n')}\n`
}
