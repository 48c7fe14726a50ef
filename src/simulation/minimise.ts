/** Makes a failing run smaller: as few clients, operations and faults as still fail. */

import type { Plant } from './plant.ts'
import { fullLimits, simulate, type Limits, type Verdict } from './simulate.ts'

/** What a run can be cut down by, the largest saving first. */
const cuts: readonly ((limits: Limits) => Limits)[] = [
  (limits) => ({ ...limits, operationsPerClient: Math.ceil(limits.operationsPerClient / 2) }),
  (limits) => ({ ...limits, clients: Math.max(1, limits.clients - 1) }),
  (limits) => ({ ...limits, faults: Math.floor(Math.min(limits.faults, 16) / 2) }),
  (limits) => ({ ...limits, operationsPerClient: Math.max(1, limits.operationsPerClient - 3) }),
]

/**
 * Every draw of a smaller run differs from those of the larger one, so a cut is kept when the run
 * still fails, whatever it then fails with.
 *
 * @returns the limits and verdict of the smallest failing run that was found
 */
export async function minimise(
  seed: number,
  plant?: Plant,
): Promise<{ readonly limits: Limits; readonly verdict: Verdict }> {
  let limits = fullLimits
  let verdict = await simulate(seed, { plant, limits })
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false
    for (const cut of cuts) {
      const smaller = cut(limits)
      if (JSON.stringify(smaller) === JSON.stringify(limits)) continue
      const found = await simulate(seed, { plant, limits: smaller })
      if (found.violations.length === 0) continue
      limits = smaller
      verdict = found
      isSmaller = true
    }
  }
  return { limits, verdict }
}
