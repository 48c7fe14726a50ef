/**
 * Time that orders: integer microseconds of a hybrid logical clock.
 *
 * Source: Kulkarni et al., "Logical Physical Clocks" (2014), folded into one safe integer.
 */

import type { Clock } from './clock.ts'

import { CLOCK_APART_MS } from './limits.ts'

/** Remote time this far ahead of ours is reported. */
export const CLOCK_ALARM_MICROS = 5_000_000
/** Remote time this far ahead of ours is refused for coordination. */
export const CLOCK_REFUSAL_MICROS = 60_000_000

/**
 * One node's hybrid logical clock.
 *
 * Promises that `next` never repeats and never goes back within a life of the object; across
 * restarts the caller starts it at the persisted mark.
 */
export class HybridClock {
  readonly #clock: Clock
  readonly #monotonicBase: number
  #last: number

  /** @param startMicros nothing at or below it is ever issued */
  constructor(clock: Clock, startMicros: number) {
    this.#clock = clock
    this.#last = Math.max(startMicros, clock.wallMicros())
    this.#monotonicBase = this.#last - clock.monotonicMicros()
  }

  /** A reading above every earlier one and everything seen. */
  next(): number {
    this.#last = Math.max(this.#last + 1, this.now())
    return this.#last
  }

  /** Where the clock stands, without issuing: no reading of it will ever be below this. */
  now(): number {
    return Math.max(
      this.#last,
      this.#clock.wallMicros(),
      this.#monotonicBase + this.#clock.monotonicMicros(),
    )
  }

  /**
   * Takes note of a time that another node sent.
   * Says how it compares: `refused` leaves this clock as it was, `alarm` moves it and is reported.
   */
  observe(remoteMicros: number): 'fine' | 'alarm' | 'refused' {
    const ahead = remoteMicros - this.now()
    if (ahead > CLOCK_REFUSAL_MICROS) return 'refused'
    this.#last = Math.max(this.#last, remoteMicros)
    return ahead > CLOCK_ALARM_MICROS ? 'alarm' : 'fine'
  }
}

/** A node by what it is compared with. */
export interface ToldClock<Node> {
  readonly node: Node
  /** Against one and the same clock for all of them. */
  readonly aheadMs: number
}

/**
 * Those that are more than `CLOCK_APART_MS` from the one in the middle, and by how much they are ahead
 * of it. Of two it is the one that is ahead: nobody can say whose is right.
 */
export function clocksApart<Node>(told: readonly ToldClock<Node>[]): ToldClock<Node>[] {
  const sorted = told.toSorted((a, b) => a.aheadMs - b.aheadMs)
  const middleMs = sorted[Math.floor((sorted.length - 1) / 2)]?.aheadMs ?? 0
  return sorted.flatMap(({ node, aheadMs }) => {
    const apartMs = aheadMs - middleMs
    return Math.abs(apartMs) > CLOCK_APART_MS ? [{ node, aheadMs: apartMs }] : []
  })
}
