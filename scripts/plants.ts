/**
 * `npm run plants`: switches each planted bug on and looks for seeds that catch it, then runs the
 * same seeds with everything right; writes the table of doc/simulation.md, a row at a time.
 *
 * Goes on where it was stopped: what has a row is left alone. `-- --again` runs all anew,
 * `-- --only NAME` those whose name holds NAME; `--searches` and `--seeds` say how many of each.
 * Long: run after each change of the protocol.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { controlOf, type Plant } from '../src/simulation/plant.ts'
import { plants } from '../src/simulation/plants.ts'
import { simulate } from '../src/simulation/simulate.ts'

const SEEDS_MAX = 2000
/** Between the first seeds of two searches for a plant. */
const SEARCH_STRIDE = 100_000
const PAGE = 'doc/simulation.md'
const MARK = '<!-- plants -->'
const QUOTED_LENGTH = 60
/** Fewer say little, however soon the bug is caught. */
const CONTROL_SEEDS_MIN = 10

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    again: { type: 'boolean', default: false },
    seeds: { type: 'string', default: String(SEEDS_MAX) },
    searches: { type: 'string', default: '3' },
  },
})

interface Search {
  /** How many seeds it took; undefined: more than there were. */
  readonly taken: number | undefined
  readonly violation: string
}

async function search(plant: Plant, start: number): Promise<Search> {
  const count = Number(options.seeds)
  for (let seed = start; seed < start + count; seed += 1) {
    const { violations } = await simulate(seed, { plant })
    const [violation] = violations
    if (violation !== undefined) return { taken: seed - start + 1, violation }
  }
  return { taken: undefined, violation: '' }
}

/** @returns seeds that fail without the bug: there must be none */
async function controlFaults(plant: Plant, count: number): Promise<string[]> {
  const faults: string[] = []
  for (let seed = 1; seed <= count; seed += 1) {
    const { violations } = await simulate(seed, { plant: controlOf(plant) })
    if (violations.length > 0) faults.push(`seed ${seed}: ${violations[0]}`)
  }
  return faults
}

async function rowOf(plant: Plant): Promise<string> {
  const began = performance.now()
  const searches: Search[] = []
  const wantedCount = Number(options.searches)
  while (searches.length < wantedCount) {
    const found = await search(plant, 1 + searches.length * SEARCH_STRIDE)
    searches.push(found)
    if (found.taken === undefined) break
  }
  const taken = searches.flatMap((each) => each.taken ?? [])
  const isCaught = taken.length === wantedCount
  const controlCount = Math.max(taken[0] ?? 0, CONTROL_SEEDS_MIN)
  const control = await controlFaults(plant, controlCount)
  const seconds = Math.round((performance.now() - began) / 1000)
  const mean = taken.reduce((sum, count) => sum + count, 0) / wantedCount
  const how = (searches[0]?.violation ?? '').slice(0, QUOTED_LENGTH).replaceAll(/[|\n]/g, ' ')
  const cells = [
    plant.name,
    conditionsOf(plant),
    isCaught ? String(taken[0]) : `not within ${options.seeds}`,
    isCaught ? `${mean.toFixed(1)} (of ${wantedCount})` : '–',
    control.length === 0 ? `clean (${controlCount})` : control[0]!.slice(0, QUOTED_LENGTH),
    how === '' ? '–' : `\`${how.replaceAll('`', "'")}\``,
    String(seconds),
  ]
  return `| ${cells.join(' | ')} |`
}

function conditionsOf(plant: Plant): string {
  const { weather, forecast, ownerCounts, movesLayouts, emptiesKeys, sharesBlocks } = plant
  const parts = [
    ownerCounts && `${ownerCounts.join(' or ')} owners`,
    movesLayouts === true && 'layouts change',
    emptiesKeys === true && 'many deletes',
    sharesBlocks === true && 'shared blocks',
    forecast?.kinds && [...new Set(forecast.kinds)].join(', '),
    weather &&
      Object.entries(weather)
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
  ]
  return parts.filter((part) => typeof part === 'string').join('; ') || 'as drawn'
}

function readRows(): Map<string, string> {
  const [, table = ''] = readFileSync(PAGE, 'utf8').split(MARK)
  const lines = table.split('\n').filter((line) => line.startsWith('| '))
  return new Map(lines.slice(1).map((line) => [line.split(' | ')[0]!.slice(2), line]))
}

function writeRows(rows: ReadonlyMap<string, string>): void {
  const lines = plants.flatMap(({ name }) => rows.get(name) ?? [])
  const caught = lines.filter((line) => !line.includes('| not within ')).length
  const table = [
    MARK,
    `${plants.length} are planted; of ${lines.length} run so far ${caught} were caught.`,
    '',
    '| planted | conditions | first caught by seed | mean of searches | without it | how | seconds |',
    '|---|---|---|---|---|---|---|',
    ...lines,
    MARK,
  ].join('\n')
  const [before, , after] = readFileSync(PAGE, 'utf8').split(MARK)
  writeFileSync(PAGE, `${before}${table}${after ?? '\n'}`)
}

const wanted = plants.filter(
  ({ name }) => options.only === undefined || name.includes(options.only),
)
const isKept = (name: string): boolean =>
  options.only === undefined && !options.again && readRows().has(name)
for (const [index, plant] of wanted.entries()) {
  if (isKept(plant.name)) continue
  console.log(`${index + 1} of ${wanted.length}: ${plant.name}`)
  const row = await rowOf(plant)
  console.log(row)
  writeRows(new Map([...readRows(), [plant.name, row]]))
  if (row.includes('| not within ')) process.exitCode = 1
}
