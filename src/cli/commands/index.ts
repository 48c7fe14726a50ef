/** Every command, in the order of the help text, each loaded when it is asked for. */

import type { DefineCommand } from '../command.ts'

type Load = () => Promise<DefineCommand>

const commands: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['dev', async () => (await import('./dev.ts')).dev],
  ['server', async () => (await import('./server.ts')).server],
  ['status', async () => (await import('./status.ts')).status],
  ['layout', async () => (await import('./layout.ts')).layout],
  ['node', async () => (await import('./node.ts')).node],
  ['join', async () => (await import('./join.ts')).join],
  ['safe-to-stop', async () => (await import('./safe-to-stop.ts')).safeToStop],
  ['key', async () => (await import('./key.ts')).key],
  ['bucket', async () => (await import('./bucket.ts')).bucket],
  ['admin-token', async () => (await import('./admin-token.ts')).adminToken],
  ['stats', async () => (await import('./stats.ts')).stats],
  ['worker', async () => (await import('./worker.ts')).worker],
  ['block', async () => (await import('./block.ts')).block],
  ['check', async () => (await import('./check.ts')).check],
  ['repair', async () => (await import('./repair.ts')).repair],
  ['scrub', async () => (await import('./scrub.ts')).scrub],
  ['recover', async () => (await import('./recover.ts')).recover],
  ['doctor', async () => (await import('./doctor.ts')).doctor],
  ['plan', async () => (await import('./plan.ts')).plan],
  ['sim', async () => (await import('./sim.ts')).sim],
  ['meta', async () => (await import('./meta.ts')).meta],
  ['json-api', async () => (await import('./json-api.ts')).jsonApi],
  ['completion', async () => (await import('./completion.ts')).completion],
])

/** Commands that look at all others. */
const needsAll: ReadonlySet<string> = new Set(['completion'])

/**
 * The commands that a line of `words` may mean: the one that stands first, else all. A node keeps
 * what it has loaded for as long as it runs, and has no use for any command but its own.
 */
export function commandsFor(words: readonly string[]): Promise<readonly DefineCommand[]> {
  const [first] = words
  const one = first === undefined || needsAll.has(first) ? undefined : commands.get(first)
  const loads = one === undefined ? [...commands.values()] : [one]
  return Promise.all(loads.map((load) => load()))
}
