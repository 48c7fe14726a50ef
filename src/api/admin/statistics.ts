/** Statistics as text, as Garage has them: what the nodes have room for, and what they work on. */

import { newestLayout, storageOf } from '../../cluster/layout/history.ts'
import { PARTITION_COUNT } from '../../cluster/cluster.ts'
import { countPartitions } from '../../cluster/layout/layout.ts'
import type { AdminContext, NodeCard, WorkerReport } from './operation.ts'

/** The nodes that store, and how much more fits: as much as the fullest of them still takes. */
export async function clusterStatistics({ node, layout }: AdminContext): Promise<string> {
  const history = layout.members.history()
  if (history === undefined) return 'There is no layout yet.\n'
  const newest = newestLayout(history)
  const lines = ['id\thostname\tzone\tcapacity\tpartitions\tdata available\tblocks missing']
  let room: number | undefined
  let missing: number | undefined = 0
  for (const id of [...storageOf(history)].sort()) {
    const card = await cardOf(node, id)
    const role = newest.roles.get(id)
    const held = newest.version === 0 ? PARTITION_COUNT : countPartitions(newest, id)
    const free = card?.data?.availableBytes
    if (free !== undefined && held > 0) {
      const fits = Math.floor((free / held) * PARTITION_COUNT)
      room = Math.min(room ?? fits, fits)
    }
    const lacks = card?.missingBlocks ?? undefined
    missing = lacks === undefined || missing === undefined ? undefined : missing + lacks
    const cells = [id.slice(0, 16), card?.hostname ?? '?', role?.zone ?? 'default']
    lines.push([...cells, role?.capacityBytes ?? '', held, free ?? '?', lacks ?? '?'].join('\t'))
  }
  lines.push('')
  lines.push(
    room === undefined
      ? 'Room for more: not known, no node that stores answers'
      : `Room for more: about ${room} bytes of objects, as each is stored ${newest.factor} times`,
  )
  lines.push(`Blocks with a copy less than they should have: ${missing ?? 'not known'}`)
  return `${lines.join('\n')}\n`
}

async function cardOf(node: AdminContext['node'], id: NodeCardKey): Promise<NodeCard | undefined> {
  if (id === node.id) return node.card()
  return node.peers.card(id).catch(() => undefined)
}

type NodeCardKey = AdminContext['node']['id']

/** What one node's workers have in their queues. */
export function nodeStatistics(reports: readonly WorkerReport[]): string {
  const lines = reports.map(({ name, state, queueLength, errors, remarks }) =>
    [name, state, queueLength ?? '-', errors, remarks.join('; ')].join('\t').trimEnd(),
  )
  return `${['worker\tstate\tqueue\terrors\tremarks', ...lines].join('\n')}\n`
}
