/** Figures of a bench as a table that reads in a terminal and in Markdown. */

import type { RowResult } from './rows.ts'

const HEADINGS = [
  ...['row', 'clients', 'requests/s', 'MB/s', 'p50 ms', 'p99 ms', 'CPU ms/request'],
  ...['peak MB', 'lost %'],
]

export function tableOf(results: readonly RowResult[]): string {
  return markdownTable(HEADINGS, results.map(cellsOf))
}

export function markdownTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [headings, headings.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

function cellsOf(result: RowResult): string[] {
  return [
    result.row,
    `${result.clients}`,
    figure(result.perSecond),
    figure(result.megabytesPerSecond),
    figure(result.p50Ms),
    figure(result.p99Ms),
    result.cpuMsPerRequest === null ? '–' : figure(result.cpuMsPerRequest),
    result.peakMegabytes === null ? '–' : figure(result.peakMegabytes),
    result.lostPercent.toFixed(0),
  ]
}

/** Three digits that matter. */
export function figure(value: number): string {
  if (value >= 100) return Math.round(value).toString()
  if (value >= 10) return value.toFixed(1)
  return value >= 1 ? value.toFixed(2) : value.toFixed(3)
}
