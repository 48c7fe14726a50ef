/** Whole clusters in one process under faults: the same seeds each time, none failing. */

import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import type { Verdict } from '../../src/simulation/simulate.ts'
import { PROJECT } from '../support/spawn-node.ts'
import { claim } from './claims.ts'

const SEED_COUNT = 1000

/** The verdicts of `hangar sim`, as a program reads them. */
async function verdictsOf(count: number): Promise<Verdict[]> {
  const jobs = Math.min(availableParallelism(), 4)
  const words = ['sim', '--seeds', String(count), '--jobs', String(jobs), '--json']
  const child = spawn(process.execPath, [join(PROJECT, 'dist', 'main.js'), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const verdicts: Verdict[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    verdicts.push(JSON.parse(line) as Verdict)
  }
  if (verdicts.length !== count) throw new Error(`${verdicts.length} of ${count} seeds answered`)
  return verdicts
}

await claim(`no fault in ${SEED_COUNT} simulated clusters`, async () => {
  const verdicts = await verdictsOf(SEED_COUNT)
  const failed = verdicts
    .filter(({ violations }) => violations.length > 0)
    .sort((a, b) => a.seed - b.seed)
  if (failed.length > 0) {
    const [{ seed, violations }] = failed as [Verdict]
    throw new Error(`${failed.length} failed, such as seed ${seed}: ${violations[0]!}`)
  }
  const sum = (of: (verdict: Verdict) => number): number =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0)
  const weak = verdicts.filter(
    ({ operations, uploads, virtualMs, faults }) =>
      operations < 200 || uploads < 20 || virtualMs < 30_000 || faults.length < 5,
  )
  if (weak.length > 0) throw new Error(`${weak.length} seeds did too little: ${weak[0]!.seed}`)
  const having = (kind: string): number =>
    verdicts.filter(({ faults }) => faults.some((fault) => fault.startsWith(kind))).length
  const counts = {
    moved: verdicts.filter(({ layoutsTaken }) => layoutsTaken > 0).length,
    wiped: having('wipe'),
    frozen: having('freeze'),
    absent: having('absence'),
  }
  const least = {
    moved: SEED_COUNT / 4,
    wiped: SEED_COUNT / 20,
    frozen: SEED_COUNT / 4,
    absent: 20,
  }
  for (const [what, count] of Object.entries(counts)) {
    const wanted = least[what as keyof typeof least]
    if (count < wanted) throw new Error(`${count} seeds were ${what}, wanted ${wanted}`)
  }
  return (
    `${sum(({ operations }) => operations)} operations, ` +
    `${sum(({ unknown }) => unknown)} of unknown outcome, ${sum(({ faults }) => faults.length)} ` +
    `faults; a layout taken under load in ${counts.moved} seeds, a database lost in ` +
    `${counts.wiped}, a node frozen in ${counts.frozen}, away in ${counts.absent}`
  )
})
