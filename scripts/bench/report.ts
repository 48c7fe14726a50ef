/** Figures of a bench as a table that reads in a terminal and in Markdown. */

import type { RowResult } from './load.ts'
import type { Row } from './rows.ts'
import { sumOf, SUMS_MAX } from './sums.ts'

const HEADINGS = [
  ...['row', 'clients', 'requests/s', 'MB/s', 'p50 ms', 'p99 ms', 'CPU ms/request'],
  ...['sum ms', 'peak MB', 'lost %'],
]

/** Small writes shall be so many times as fast as those of a peer, both with fsync on. */
const SMALL_PUT_TIMES = 10
const NONE = '–'

/** One row with so many clients, on two servers by turns; null where no turn came through. */
export interface Compared {
  readonly row: Row
  readonly clients: number
  readonly ours: RowResult | null
  readonly peer: RowResult | null
}

export function tableOf(results: readonly RowResult[]): string {
  return markdownTable(HEADINGS, results.map(cellsOf))
}

/** Both servers beside each other, and the sum of the parts; `×` is ours by theirs. */
export function comparisonTable(peer: string, compared: readonly Compared[]): string {
  const headings = [
    ...['row', 'clients', 'Hangar req/s', `${peer} req/s`, '×', 'p99 ms', `${peer} p99`],
    ...['CPU ms', `${peer} CPU`, '×', 'sum ms', 'by sum', 'lost %', 'short'],
  ]
  return markdownTable(headings, compared.map(comparisonCells))
}

/** A sentence for every row that misses its aim. */
export function shortfalls(peer: string, compared: readonly Compared[]): string[] {
  return compared.flatMap((one) => {
    const name = `${one.row}, ${one.clients} ${one.clients === 1 ? 'client' : 'clients'}`
    return faultsOf(one).map((fault) => `${name}: ${fault.replace('%', peer)}`)
  })
}

export function markdownTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [headings, headings.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** Each figure's median over turns of the same row; of lost time and of peaks the most. */
export function medianOf(turns: readonly RowResult[]): RowResult | null {
  const [first] = turns
  if (first === undefined) return null
  const middle = (figureOf: (turn: RowResult) => number): number => median(turns.map(figureOf))
  const isKnown = turns.every((turn) => turn.cpuMsPerRequest !== null)
  return {
    ...{ row: first.row, clients: first.clients },
    requests: middle((turn) => turn.requests),
    seconds: middle((turn) => turn.seconds),
    perSecond: middle((turn) => turn.perSecond),
    megabytesPerSecond: middle((turn) => turn.megabytesPerSecond),
    p50Ms: middle((turn) => turn.p50Ms),
    p99Ms: middle((turn) => turn.p99Ms),
    longestMs: Math.max(...turns.map((turn) => turn.longestMs)),
    cpuMsPerRequest: isKnown ? middle((turn) => turn.cpuMsPerRequest ?? 0) : null,
    peakMegabytes: first.peakMegabytes === null ? null : most(turns, (t) => t.peakMegabytes ?? 0),
    lostPercent: most(turns, (turn) => turn.lostPercent),
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2
}

function most(turns: readonly RowResult[], figureOf: (turn: RowResult) => number): number {
  return Math.max(...turns.map(figureOf))
}

function cellsOf(result: RowResult): string[] {
  return [
    ...[result.row, `${result.clients}`, figure(result.perSecond)],
    ...[figure(result.megabytesPerSecond), figure(result.p50Ms), figure(result.p99Ms)],
    ...[known(result.cpuMsPerRequest), sumText(result.row as Row), known(result.peakMegabytes)],
    result.lostPercent.toFixed(0),
  ]
}

function comparisonCells(one: Compared): string[] {
  const { row, clients, ours, peer } = one
  const [mine, theirs] = [ours?.cpuMsPerRequest, peer?.cpuMsPerRequest]
  const lost = Math.max(ours?.lostPercent ?? 0, peer?.lostPercent ?? 0)
  const faults = faultsOf(one)
  return [
    ...[row, `${clients}`, known(ours?.perSecond), known(peer?.perSecond)],
    known(quotient(ours?.perSecond, peer?.perSecond)),
    ...[known(ours?.p99Ms), known(peer?.p99Ms), known(mine), known(theirs)],
    known(quotient(mine, theirs)),
    ...[sumText(row), known(quotient(mine, sumOf(row)?.low)), lost.toFixed(0)],
    faults.length === 0 ? '' : 'yes',
  ]
}

/** What is wrong with one row, the peer's name as `%`. */
function faultsOf({ row, ours, peer }: Compared): string[] {
  if (ours === null) return ['no turn came through']
  const faults: string[] = []
  const times = quotient(ours.perSecond, peer?.perSecond)
  const wanted = row === 'put-4k' ? SMALL_PUT_TIMES : 1
  if (times !== undefined && times < wanted) {
    faults.push(`${figure(times)} × the requests/s of %, wanted ${wanted}`)
  }
  const sum = sumOf(row)
  const cpu = ours.cpuMsPerRequest
  // The lower end of the sum: what passes passes however the sum is read.
  if (sum !== undefined && cpu !== null && cpu > sum.low * SUMS_MAX) {
    const by = figure(cpu / sum.low)
    faults.push(`${figure(cpu)} ms of CPU are ${by} × the sum of its parts, wanted ${SUMS_MAX}`)
  }
  return faults
}

function sumText(row: Row): string {
  const sum = sumOf(row)
  if (sum === undefined) return NONE
  const { low, high } = sum
  return low === high ? figure(low) : `${figure(low)} to ${figure(high)}`
}

function quotient(above: number | null | undefined, below: number | null | undefined) {
  if (typeof above !== 'number' || typeof below !== 'number' || below === 0) return undefined
  return above / below
}

function known(value: number | null | undefined): string {
  return typeof value === 'number' ? figure(value) : NONE
}

/** Three digits that matter. */
export function figure(value: number): string {
  if (value >= 100) return Math.round(value).toString()
  if (value >= 10) return value.toFixed(1)
  return value >= 1 ? value.toFixed(2) : value.toFixed(3)
}
