/** `hangar sim`: whole clusters in one process, replayed from seeds. Asks no node. */

import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { InvalidArgumentError } from 'commander'
import { minimise } from '../../simulation/minimise.ts'
import { plants } from '../../simulation/plants.ts'
import type { Plant } from '../../simulation/plant.ts'
import { simulate, type Verdict } from '../../simulation/simulate.ts'
import { CliError } from '../command.ts'
import type { DefineCommand, GlobalOptions, Terminal } from '../command.ts'
import { textFields } from '../text-table.ts'

interface SimOptions extends GlobalOptions {
  readonly seed?: number
  readonly seeds?: number
  readonly from: number
  readonly jobs: number
  readonly plant?: string
  readonly json?: boolean
}

/** What many seeds come to. */
interface Summary {
  seeds: number
  failed: number[]
  operations: number
  unknown: number
  faults: number
  virtualMs: number
}

const SEED_MAX = 2 ** 32

/**
 * For a process that does nothing but run seeds, one on each core. Little of what a message makes
 * outlives it, so a larger young generation is gone through less often; helpers would take the cores
 * from the other processes to do so. Where an error came from is found by the run of its seed alone.
 */
const PROCESS_FLAGS = [
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
  '--single-threaded-gc',
  '--stack-trace-limit=0',
] as const

export const sim: DefineCommand = (program, terminal, exit) => {
  program
    .command('sim')
    .description('simulate whole clusters under faults; a seed replays exactly')
    .option('--seed <n>', 'one seed, told in full', seedNumber)
    .option('--seeds <n>', 'so many seeds, one after the other', seedNumber)
    .option('--from <n>', 'the first of them', seedNumber, 1)
    .option('--jobs <n>', 'processes at the same time', seedNumber, availableParallelism())
    .option('--plant <name>', 'with a planted bug, which the simulation should catch')
    .option('--json', 'for programs: one line for each seed')
    .action(async (options: SimOptions) => {
      const plant = plantOf(options.plant)
      const isSound =
        options.seeds === undefined
          ? await runOne(terminal, options, plant)
          : await runMany(terminal, { ...options, seeds: options.seeds }, plant)
      if (!isSound) exit(1)
    })
}

function seedNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > SEED_MAX) {
    throw new InvalidArgumentError(`Wanted a whole number up to ${SEED_MAX}.`)
  }
  return value
}

function plantOf(name: string | undefined): Plant | undefined {
  if (name === undefined) return undefined
  const found = plants.find((plant) => plant.name === name)
  if (found !== undefined) return found
  const names = plants.map((plant) => `  ${plant.name}`).join('\n')
  throw new CliError(`there is no planted bug "${name}"`, `Name one of these:\n${names}`)
}

async function runOne(
  terminal: Terminal,
  options: SimOptions,
  plant: Plant | undefined,
): Promise<boolean> {
  const verdict = await simulate(options.seed ?? options.from, { plant })
  const isSound = verdict.violations.length === 0
  if (options.json === true) {
    terminal.print(JSON.stringify(verdict))
    return isSound
  }
  terminal.print(
    textFields([
      ['Seed', String(verdict.seed)],
      ['Nodes', String(verdict.nodes)],
      ['Operations', `${verdict.operations}, ${verdict.unknown} of unknown outcome`],
      ['Virtual time', `${(verdict.virtualMs / 1000).toFixed(1)} s, ${verdict.events} events`],
      ['Faults', verdict.faults.join(', ') || 'none'],
      ['Trace', verdict.trace.toString(16)],
      ['Violations', isSound ? 'none' : ''],
    ]),
  )
  if (isSound) return true
  for (const violation of verdict.violations) terminal.print(`  ${violation}`)
  const small = await minimise(verdict.seed, plant)
  const { clients, operationsPerClient, faults } = small.limits
  terminal.print(
    `Still fails with ${clients} clients of ${operationsPerClient} operations each and ` +
      `${faults === Infinity ? 'all' : faults} faults (${small.verdict.faults.join(', ')}):`,
  )
  for (const violation of small.verdict.violations) terminal.print(`  ${violation}`)
  return false
}

async function runMany(
  terminal: Terminal,
  options: SimOptions & { readonly seeds: number },
  plant: Plant | undefined,
): Promise<boolean> {
  const summary: Summary = {
    ...{ seeds: 0, failed: [], operations: 0, unknown: 0, faults: 0, virtualMs: 0 },
  }
  const took = (verdict: Verdict): void => {
    summary.seeds += 1
    summary.operations += verdict.operations
    summary.unknown += verdict.unknown
    summary.faults += verdict.faults.length
    summary.virtualMs += verdict.virtualMs
    if (verdict.violations.length > 0) summary.failed.push(verdict.seed)
    if (options.json === true) terminal.print(JSON.stringify(verdict))
    else if (terminal.isInteractive) {
      terminal.draw(`${summary.seeds} of ${options.seeds} seeds, ${summary.failed.length} failed`)
    }
  }
  const { from, seeds, jobs } = options
  if (jobs <= 1 || seeds < 2 * jobs) {
    for (let seed = from; seed < from + seeds; seed += 1) took(await simulate(seed, { plant }))
  } else await runInProcesses(options, took)
  if (terminal.isInteractive) terminal.draw('')
  const [first] = summary.failed.sort((a, b) => a - b)
  if (options.json !== true) show(terminal, summary)
  if (first === undefined) return true
  if (options.json !== true) await runOne(terminal, { ...options, seed: first }, plant)
  return false
}

/** Each process takes a stretch of the seeds and prints its verdicts line by line. */
async function runInProcesses(
  options: SimOptions & { readonly seeds: number },
  took: (verdict: Verdict) => void,
): Promise<void> {
  const { from, seeds, jobs, plant } = options
  const share = Math.ceil(seeds / jobs)
  const runs: Promise<void>[] = []
  for (let start = from; start < from + seeds; start += share) {
    const count = Math.min(share, from + seeds - start)
    const words = [
      'sim',
      '--from',
      String(start),
      '--seeds',
      String(count),
      '--jobs',
      '1',
      '--json',
    ]
    if (plant !== undefined) words.push('--plant', plant)
    runs.push(runProcess(words, { count, took }))
  }
  await Promise.all(runs)
}

function runProcess(
  words: readonly string[],
  wanted: { readonly count: number; readonly took: (verdict: Verdict) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const program = process.argv[1]!
    const flags = [...process.execArgv, ...PROCESS_FLAGS]
    const child = spawn(process.execPath, [...flags, program, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let seen = 0
    createInterface({ input: child.stdout }).on('line', (line) => {
      seen += 1
      wanted.took(JSON.parse(line) as Verdict)
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (seen === wanted.count) resolve()
      else reject(new CliError(`a process of the simulation ended early, with code ${code}`))
    })
  })
}

function show(terminal: Terminal, summary: Summary): void {
  const { seeds, failed, operations, unknown, faults, virtualMs } = summary
  terminal.print(
    textFields([
      ['Seeds', `${seeds}, ${failed.length} failed`],
      ['Operations', `${operations}, ${unknown} of unknown outcome`],
      ['Faults', `${faults}, beside lost, late and doubled messages`],
      ['Virtual time', `${(virtualMs / 3_600_000).toFixed(1)} hours`],
      ...(failed.length === 0 ? [] : [['Failed seeds', failed.join(', ')] as const]),
    ]),
  )
}
