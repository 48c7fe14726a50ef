/** Keeps the figures of doc/chaos.md: a row for each cell, the last run of it. */

import { readFileSync, writeFileSync } from 'node:fs'
import type { CellResult } from './cell.ts'
import { allCells } from './cells.ts'

const PAGE = 'doc/chaos.md'
const MARK = '<!-- cells -->'
const HEAD = [
  '| load | fault | seed | s | operations | requests | unknown | % | invalid | strikes | slowest ms | same after ms | checked after ms |',
  '|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|',
]

/** Puts a result in the place of the earlier one of its cell. */
export function writePage(result: CellResult): void {
  const [before = '', old = '', after = '\n'] = readFileSync(PAGE, 'utf8').split(MARK)
  writeFileSync(PAGE, [before, tableWith(old, result), after].join(MARK))
}

/** The old table with one row more, or another; in the order of the cells. */
export function tableWith(old: string, result: CellResult): string {
  const rows = new Map<string, string>()
  for (const row of old.split('\n').filter((line) => /^\| W/.test(line))) rows.set(nameOf(row), row)
  const row = rowOf(result)
  rows.set(nameOf(row), row)
  const sorted = allCells.flatMap(({ workload, fault }) => {
    const found = rows.get(`${workload.name} ${fault.name}`)
    return found === undefined ? [] : [found]
  })
  return ['', ...HEAD, ...sorted, ''].join('\n')
}

function nameOf(row: string): string {
  const [, workload, fault] = row.split('|').map((cell) => cell.trim())
  return `${workload} ${fault}`
}

function rowOf(result: CellResult): string {
  const { workload, fault, seed, seconds, operations, attempts } = result
  const { unknown, unknownPercent, violations, strikes, slowestMs, sameAfterMs, cleanAfterMs } =
    result
  const cells = [
    ...[workload, fault, seed, seconds, operations, attempts],
    ...[unknown, unknownPercent, violations.length, strikes, slowestMs, sameAfterMs, cleanAfterMs],
  ]
  return `| ${cells.join(' | ')} |`
}
