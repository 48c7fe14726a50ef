/** How a proof tells what it found: one line for each claim, which the runner counts. */

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PROJECT } from '../support/spawn-node.ts'

/** Something that this machine lacks: said aloud and counted apart. */
export class Skipped extends Error {}

/** Everything that proofs leave behind lies here; `.gitignore` has it. */
export const PROOFS_FOLDER = join(PROJECT, '.proofs')

/**
 * Runs one claim and prints what became of it. A claim that fails ends the process with 1, but
 * the claims behind it still run.
 *
 * @param prove gives back what is worth knowing: counts, times
 */
export async function claim(name: string, prove: () => Promise<string>): Promise<boolean> {
  const began = performance.now()
  const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`
  try {
    const note = await prove()
    console.log(`passed: ${name} (${seconds()}; ${note})`)
    return true
  } catch (error) {
    if (error instanceof Skipped) {
      console.log(`skipped: ${name}: ${error.message}`)
      return false
    }
    console.log(`failed: ${name} (${seconds()})`)
    console.log(error instanceof Error ? (error.stack ?? error.message) : error)
    process.exitCode = 1
    return false
  }
}

/** What `spin` takes, in ms, on one of the two free cores that the limits of time are meant for. */
const SPIN_MS = 620

/** A work that is the same each time and needs nothing but a core. */
function spin(): number {
  let value = 1
  for (let turn = 0; turn < 300_000_000; turn += 1) {
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
  }
  return value
}

/**
 * How many times slower than meant this machine is just now, for its cores or for what else they
 * do; at least 1. A claim on time is judged by it, measured before and after.
 */
export function slowness(): number {
  const began = performance.now()
  if (spin() === 0) throw new Error('the work came to nothing')
  return Math.max(1, (performance.now() - began) / SPIN_MS)
}

/** @throws {Error} where it took longer than the limit, as far as the machine was as meant */
export function judgeTime(ms: number, limitMs: number, slownesses: readonly number[]): string {
  const times = Math.max(...slownesses)
  const told = `on a machine ${times.toFixed(1)} times as slow as meant`
  if (ms > limitMs * times) throw new Error(`${Math.round(ms)} ms, ${told}`)
  return told
}

/** A line that shows that something is going on. */
export function progress(text: string): void {
  console.log(`  ${text}`)
}

/** An empty folder for one proof; it is removed again unless a claim failed. */
export async function inFolder(
  name: string,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = join(PROOFS_FOLDER, `${name}-${process.pid}`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await work(folder)
  if (process.exitCode === 1) progress(`the data is left in ${folder}`)
  else await rm(folder, { recursive: true, force: true })
}
