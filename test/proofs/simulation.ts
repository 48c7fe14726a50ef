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
async function verdictsOf(from: number, count: number): Promise<Verdict[]> {
  const words = ['sim', '--from', String(from), '--seeds', String(count), '--jobs', '1', '--json']
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
  const jobs = Math.min(availableParallelism(), 4)
  const share = Math.ceil(SEED_COUNT / jobs)
  const runs = Array.from({ length: jobs }, (_, job) =>
    verdictsOf(1 + job * share, Math.min(share, SEED_COUNT - job * share)),
  )
  const verdicts = (await Promise.all(runs)).flat()
  const failed = verdicts.filter(({ violations }) => violations.length > 0)
  if (failed.length > 0) {
    const [{ seed, violations }] = failed as [Verdict]
    throw new Error(`${failed.length} failed, such as seed ${seed}: ${violations[0]!}`)
  }
  const sum = (of: (verdict: Verdict) => number): number =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0)
  const weak = verdicts.filter(
    ({ operations, virtualMs, faults }) =>
      operations < 200 || virtualMs < 30_000 || faults.length < 5,
  )
  if (weak.length > 0) throw new Error(`${weak.length} seeds did too little: ${weak[0]!.seed}`)
  const layouts = verdicts.filter(({ layout }) => layout !== null).length
  const wiped = sum(({ faults }) => faults.filter((fault) => fault.startsWith('wipe')).length)
  return (
    `${sum(({ operations }) => operations)} operations, ` +
    `${sum(({ unknown }) => unknown)} of unknown outcome, ${sum(({ faults }) => faults.length)} ` +
    `faults, ${layouts} seeds with changing layouts, ${wiped} lost databases`
  )
})
