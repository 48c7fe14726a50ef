/** How long requests take while a node is lost, through a node that is not. */

import type { ClusterNode } from '../../test/support/spawn-cluster.ts'
import type { RowResult } from './load.ts'
import type { Bench, Row } from './rows.ts'
import { figure, markdownTable } from './report.ts'

export const LOSSES = ['kill', 'freeze'] as const
export type Loss = (typeof LOSSES)[number]

/** All nodes up again, and known as that to each other. */
const BACK_MS = 8_000
const CLIENTS = 4
const ROWS: readonly Row[] = ['put-4k', 'get-4k', 'put-64m', 'get-64m']

interface LossResult {
  readonly row: string
  readonly loss: Loss
  readonly before: RowResult
  /** Beginning with the loss. */
  readonly first: RowResult
  readonly later: RowResult
}

/** Each row as it is, in the seconds after a node is lost, and in those after them. */
export async function underLosses(
  bench: Bench,
  lost: ClusterNode,
  losses: readonly Loss[],
): Promise<string> {
  const results: LossResult[] = []
  for (const loss of losses) {
    for (const row of ROWS) {
      const before = await bench.run(row, CLIENTS)
      const take = (): void => lost.signal(loss === 'kill' ? 'SIGKILL' : 'SIGSTOP')
      const first = await bench.run(row, CLIENTS, take)
      const later = await bench.run(row, CLIENTS)
      if (loss === 'freeze') lost.signal('SIGCONT')
      else await lost.start()
      await new Promise((resolve) => setTimeout(resolve, BACK_MS))
      const result: LossResult = { row, loss, before, first, later }
      console.error(cellsOf(result).join(' | '))
      results.push(result)
    }
  }
  const headings = ['row', 'loss', 'p99 before', 'p99 at first', 'longest', 'p99 later', 'later ×']
  return markdownTable(headings, results.map(cellsOf))
}

function cellsOf({ row, loss, before, first, later }: LossResult): string[] {
  return [
    ...[row, loss, figure(before.p99Ms), figure(first.p99Ms), figure(first.longestMs)],
    ...[figure(later.p99Ms), figure(later.p99Ms / before.p99Ms)],
  ]
}
