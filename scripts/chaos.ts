/**
 * `npm run chaos`: three real processes under faults, judged by their history.
 *
 *   npm run chaos -- --workload W1 --fault kill --seconds 30 [--seed N] [--json] [--keep]
 *   npm run chaos -- --all | --short [--seconds 15] [--page]
 *
 * `--page` writes the figures into doc/chaos.md.
 */

import { parseArgs } from 'node:util'
import { runCell, type CellResult } from './chaos/cell.ts'
import { allCells, cellOf, shortCells, type Cell } from './chaos/cells.ts'
import { writePage } from './chaos/page.ts'

const { values } = parseArgs({
  options: {
    workload: { type: 'string', default: 'W1' },
    fault: { type: 'string', default: 'none' },
    seconds: { type: 'string', default: '15' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
  },
})

function chosenCells(): readonly Cell[] {
  if (values.all) return allCells
  return values.short ? shortCells : [cellOf(values.workload, values.fault)]
}

function say(line: string): void {
  if (!values.json) console.log(line)
}

function sayResult(result: CellResult): void {
  const { operations, attempts, unknown, unknownPercent, violations, reasons } = result
  say(
    `  ${operations} operations in ${attempts} requests, ${unknown} unknown (${unknownPercent} %), ` +
      `${violations.length} violations; the same everywhere after ${result.sameAfterMs} ms, ` +
      `checked ${result.cleanAfterMs} ms later; ${result.blocksDeleted} blocks deleted`,
  )
  for (const [reason, count] of Object.entries(reasons)) say(`    ${count} × ${reason}`)
  for (const violation of violations) say(`  VIOLATION: ${violation.slice(0, 2_000)}`)
  if (result.folder !== undefined) say(`  files are left in ${result.folder}`)
}

const seconds = Number(values.seconds)
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
const cells = chosenCells()
let failed = 0
for (const [index, { workload, fault }] of cells.entries()) {
  say(`${workload.name} ${fault.name}, seed ${seed + index}: ${fault.sentence}`)
  const result = await runCell({
    ...{ workload, fault, seconds, seed: seed + index, isKept: values.keep },
    progress: (line) => say(`  ${line}`),
  })
  if (result.violations.length > 0) failed += 1
  if (values.json) console.log(JSON.stringify(result))
  sayResult(result)
  if (values.page) writePage(result)
}
say(`${cells.length} cells, ${failed} with violations`)
process.exitCode = failed === 0 ? 0 : 1
