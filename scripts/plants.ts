/**
 * `npm run plants`: switches each planted bug on and looks for a seed that catches it; writes the
 * table of doc/simulation.md. Long: run once, and after each change of the protocol.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { plants } from '../src/simulation/plants.ts'
import { simulate } from '../src/simulation/simulate.ts'

const SEEDS_MAX = 2000
const PAGE = 'doc/simulation.md'
const MARK = '<!-- plants -->'

const rows: string[] = []
let caught = 0
for (const plant of plants) {
  const began = performance.now()
  let found = 'not caught'
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
    const { violations } = await simulate(seed, { plant })
    if (violations.length === 0) continue
    found = `seed ${seed}: ${violations[0]!.slice(0, 60).replaceAll('|', '/')} …`
    caught += 1
    break
  }
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`${plant.name}: ${found} (${seconds} s)`)
  rows.push(`| ${plant.name} | ${found} |`)
}
const table = [
  MARK,
  `${caught} of ${plants.length} caught within ${SEEDS_MAX} seeds.`,
  '',
  '| planted | first seed that fails, and how |',
  '|---|---|',
  ...rows,
  MARK,
].join('\n')
const [before, , after] = readFileSync(PAGE, 'utf8').split(MARK)
writeFileSync(PAGE, `${before}${table}${after ?? '\n'}`)
if (caught < plants.length) process.exitCode = 1
