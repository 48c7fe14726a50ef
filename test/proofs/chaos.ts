/** Three real processes under faults: no history that cannot be, and hardly an outcome unknown. */

import { runCell, type CellResult } from '../../scripts/chaos/cell.ts'
import { shortCells } from '../../scripts/chaos/cells.ts'
import { claim } from './claims.ts'

const SECONDS = 12
const UNKNOWN_PERCENT_MAX = 2
/** With fewer the share says how busy the machine was: each strike leaves some open. */
const OPERATIONS_MIN = 1_500
/** With fewer, a hundred clients of one key wait for the machine and not for one another. */
const HOT_OPERATIONS_MIN = 800

const seed = Number(process.env['HANGAR_TEST_SEED'] ?? Date.now() % 2 ** 31)
const results: CellResult[] = []

for (const [index, { workload, fault }] of shortCells.entries()) {
  await claim(`${workload.name}, ${workload.sentence}; ${fault.sentence}`, async () => {
    const result = await runCell({
      ...{ workload, fault, seconds: SECONDS, seed: seed + index, isKept: true },
    })
    results.push(result)
    const { operations, unknown, violations, sameAfterMs, cleanAfterMs, folder } = result
    if (violations.length > 0) {
      const [first] = violations
      throw new Error(`seed ${seed + index}, files in ${folder}: ${first!.slice(0, 2_000)}`)
    }
    if (fault.name === 'none' && unknown > 0 && operations >= HOT_OPERATIONS_MIN) {
      throw new Error(`${unknown} unknown without a fault: ${JSON.stringify(result.reasons)}`)
    }
    return `seed ${seed + index}; ${operations} operations, ${unknown} unknown; rest after ${sameAfterMs + cleanAfterMs} ms`
  })
}

await claim(`at most ${UNKNOWN_PERCENT_MAX} % of all operations have no known outcome`, () => {
  const sum = (of: (result: CellResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0)
  const operations = sum((result) => result.operations)
  const unknown = sum((result) => result.unknown)
  const percent = (unknown / Math.max(1, operations)) * 100
  const told = `${unknown} of ${operations}: ${percent.toFixed(2)} %`
  if (operations < OPERATIONS_MIN) return Promise.resolve(`${told}, too few to judge by`)
  if (percent > UNKNOWN_PERCENT_MAX) return Promise.reject(new Error(told))
  return Promise.resolve(told)
})
