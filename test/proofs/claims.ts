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
