/** The clocks of the nodes: how far apart they are, and how much faster or slower than the time of the world they run. */

import type { Clock } from '../base/clock.ts'
import type { Forecast } from './faults.ts'
import type { SeededRng } from './seeded-rng.ts'

/** How fast, beside the time of the world: 1 is as fast. */
export interface Rates {
  readonly monotonic: number
  readonly wall: number
}

/** Two machines run apart by less than a quarter: see `RUN_OUT_MS` of store/cluster/copies.ts. */
const MONOTONIC_SHARE = 0.1
/** What nobody corrects, some per cent. */
const WALL_SHARE = 0.03

/** Of one machine. */
export function drawRates(rng: SeededRng): Rates {
  const monotonic = 1 + (rng.unit() - 0.5) * 2 * MONOTONIC_SHARE
  return { monotonic, wall: 1 + (rng.unit() - 0.5) * 2 * WALL_SHARE }
}

/** The same clock, whose timers and readings run at other rates from now on. */
export function drifting(clock: Clock, { monotonic, wall }: Rates): Clock {
  const beganAt = clock.monotonicMicros()
  const passed = (): number => clock.monotonicMicros() - beganAt
  return {
    wallMicros: () => clock.wallMicros() + Math.round(passed() * (wall - 1)),
    monotonicMicros: () => beganAt + Math.round(passed() * monotonic),
    after: (delayMs, action) => clock.after(delayMs / monotonic, action),
    soon: (action) => clock.soon(action),
  }
}

/** Names of operations age by the clocks, here ten times as fast as in a real node. */
export function keepsTime({ kinds, drifts }: Forecast): boolean {
  return !kinds.includes('jump') && !drifts
}

/** By how much the clocks of two nodes may differ. */
export function apartMicros(forecast: Forecast): number {
  return keepsTime(forecast) ? 1_000_000 : 8_000_000
}
