/** Faults in what a node takes for the time, and for chance. */

import { HybridClock } from '../../base/timestamp.ts'
import type { Clock } from '../../base/clock.ts'
import { SeededRng } from '../seeded-rng.ts'
import type { Graft, Plant } from '../plant.ts'

/** Reads the wall clock and nothing else. */
class RawClock extends HybridClock {
  readonly #clock: Clock

  constructor(clock: Clock, startMicros: number) {
    super(clock, startMicros)
    this.#clock = clock
  }

  override next(): number {
    return this.#clock.wallMicros()
  }
}

function hybrid(make: (clock: Clock, startMicros: number) => HybridClock): Graft {
  return {
    ground: (ground) => ({ ...ground, simulated: { ...ground.simulated!, hybrid: make } }),
  }
}

export const clockPlants: readonly Plant[] = [
  {
    name: 'time is read from the wall clock',
    graft: () => hybrid((clock, start) => new RawClock(clock, start)),
  },
  {
    name: 'a restart forgets how far the clock had come',
    forecast: { kinds: ['kill', 'power'], count: 12 },
    graft: () => hybrid((clock) => new HybridClock(clock, 0)),
  },
  {
    name: 'two nodes draw the same names for what they do',
    ownerCounts: [3],
    graft: () => ({ ground: (ground) => ({ ...ground, rng: new SeededRng(1) }) }),
  },
]
