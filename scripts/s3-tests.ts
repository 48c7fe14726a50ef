/**
 * `npm run s3-tests -- PATH`: a checkout of ceph/s3-tests against nodes that this starts.
 *
 *   npm run s3-tests -- PATH [--nodes 3] [--https]
 *   npm run s3-tests -- PATH --only WORD [--nodes 3] [--https]
 *
 * A whole run writes doc/conformance.md and adds to test/conformance/s3-tests.txt what passes. It
 * ends with 1 when a test on that list does not pass, and names it. With `--only` just the tests
 * whose names have the word are run; what passes is added to the list, the page stays.
 */

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { kindName, pageWith, type RunKind } from './conformance/page.ts'
import { compareLists, grownList, readList } from './conformance/passing.ts'
import { startServer } from './conformance/servers.ts'
import { runSuite, testNames, type Outcome } from './conformance/suite.ts'
import { OPEN, waitOf } from './conformance/waits.ts'

const LIST = 'test/conformance/s3-tests.txt'
const PAGE = 'doc/conformance.md'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: 'string', default: '1' },
    https: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})

function fail(line: string): never {
  console.error(line)
  process.exit(1)
}

const [checkout] = positionals
if (checkout === undefined) fail('Say where the checkout of ceph/s3-tests is')
if (values.nodes !== '1' && values.nodes !== '3') fail('--nodes must be 1 or 3')
const kind: RunKind = {
  nodes: values.nodes === '1' ? 1 : 3,
  scheme: values.https ? 'https' : 'http',
}

function progress(one: Outcome): void {
  const { name, outcome, why, seconds } = one
  const open = outcome === 'failed' ? ` [${waitOf(one)}] ${why.split('\n')[0]?.slice(0, 120)}` : ''
  console.log(`${outcome} ${name} (${seconds} s)${open}`)
}

/** Runs some or all; what is on the list and failed is tried once more, alone. */
async function run(path: string, kept: readonly string[]): Promise<readonly Outcome[]> {
  const only = values.only === undefined ? undefined : testNames(path, values.only)
  const server = await startServer(kind)
  try {
    const outcomes = await runSuite({ checkout: path, server, progress, ...(only && { only }) })
    const failed = new Set(outcomes.filter((one) => one.outcome !== 'passed').map((o) => o.name))
    const again = kept.filter((name) => failed.has(name))
    if (again.length === 0) return outcomes
    console.log(`Once more, alone: ${again.join(', ')}`)
    const second = await runSuite({ checkout: path, server, progress, only: again })
    const better = new Map(second.map((one) => [one.name, one]))
    return outcomes.map((one) => better.get(one.name) ?? one)
  } finally {
    await server.stop()
  }
}

function commitOf(path: string): string {
  const { stdout } = spawnSync('git', ['-C', path, 'rev-parse', '--short=10', 'HEAD'])
  return stdout.toString().trim() || 'unknown'
}

const kept = readList(readFileSync(LIST, 'utf8'))
const outcomes = await run(checkout, kept)
const passed = outcomes.filter(({ outcome }) => outcome === 'passed').map(({ name }) => name)
const failed = outcomes.filter(({ outcome }) => outcome === 'failed')
const skipped = outcomes.length - passed.length - failed.length
const ran = new Set(outcomes.map(({ name }) => name))
const { lost, gained } = compareLists(
  values.only === undefined ? kept : kept.filter((name) => ran.has(name)),
  passed,
)
for (const name of lost) console.log(`LOST: ${name} passed before`)
for (const name of gained) console.log(`new: ${name}`)
// The list may have grown meanwhile, by another run.
if (gained.length > 0) writeFileSync(LIST, grownList(readFileSync(LIST, 'utf8'), gained))
if (lost.length > 0) process.exitCode = 1
if (values.only === undefined) {
  const page = readFileSync(PAGE, 'utf8')
  writeFileSync(PAGE, pageWith(page, { ...kind, outcomes, commit: commitOf(checkout) }))
}
for (const one of failed.filter((outcome) => waitOf(outcome) === OPEN)) {
  console.log(`open: ${one.name}: ${one.why.split('\n')[0]}`)
}
const left = outcomes.filter(({ leftBehind }) => leftBehind !== undefined)
for (const one of left) console.log(`left behind: ${one.name}: ${one.leftBehind}`)
console.log(kindName(kind))
console.log(`${passed.length} passed, ${failed.length} failed, ${skipped} skipped`)
