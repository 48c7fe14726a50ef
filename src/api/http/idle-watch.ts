/** Cuts off clients that send or take nothing, by one timer for the whole listener. */

import type { Cancel, Clock } from '../../base/clock.ts'
import {
  BODY_IDLE_MS_MAX,
  BODY_WINDOW_BYTES_MIN,
  STARVED_STEP_BYTES_MIN,
} from '../../base/limits.ts'

/** How often the watch looks. */
export const WATCH_STEP_MS = 5_000

/** Something that may wait for its client. */
export interface Watched {
  readonly waitsForClient: boolean
  /** Grows with every byte that the client sent or took. */
  readonly movedBytes: number
  /** Whether others may be waiting for what it holds. */
  readonly mayHoldBuffer: boolean
  /** Called once, when the client was too slow. */
  cut(): void
}

interface Window {
  sinceMicros: number
  fromBytes: number
  /** At the last look. */
  lastBytes: number
}

/**
 * Watches exchanges. One that waits for its client at every look of a whole window, and in it
 * moved less than `BODY_WINDOW_BYTES_MIN`, is cut. Time that we spend ourselves does not count.
 *
 * While a request waits for a buffer from one look to the next, slow clients hold what it needs:
 * the slower half of those that moved less than `STARVED_STEP_BYTES_MIN` since then is cut too.
 */
export class IdleWatch {
  readonly #clock: Clock
  readonly #windows = new Map<Watched, Window | undefined>()
  readonly #oldestWaiter: () => number | undefined
  #lastOldest: number | undefined
  #cancel: Cancel | undefined

  constructor(clock: Clock, oldestWaiter: () => number | undefined = () => undefined) {
    this.#clock = clock
    this.#oldestWaiter = oldestWaiter
  }

  get count(): number {
    return this.#windows.size
  }

  start(): void {
    this.#cancel = this.#clock.after(WATCH_STEP_MS, () => {
      this.#look()
      this.start()
    })
  }

  stop(): void {
    this.#cancel?.()
  }

  add(watched: Watched): void {
    this.#windows.set(watched, undefined)
  }

  delete(watched: Watched): void {
    this.#windows.delete(watched)
  }

  #look(): void {
    const now = this.#clock.monotonicMicros()
    this.#relieve()
    for (const [watched, window] of this.#windows) {
      if (!watched.waitsForClient) {
        if (window !== undefined) this.#windows.set(watched, undefined)
        continue
      }
      const moved = watched.movedBytes
      if (window === undefined || moved - window.fromBytes >= BODY_WINDOW_BYTES_MIN) {
        this.#windows.set(watched, { sinceMicros: now, fromBytes: moved, lastBytes: moved })
      } else if (now - window.sinceMicros >= BODY_IDLE_MS_MAX * 1000) {
        this.#windows.delete(watched)
        watched.cut()
      } else window.lastBytes = moved
    }
  }

  /** Frees what a starving request waits for. */
  #relieve(): void {
    const oldest = this.#oldestWaiter()
    const isStarving = oldest !== undefined && oldest === this.#lastOldest
    this.#lastOldest = oldest
    if (!isStarving) return
    const slow: { readonly watched: Watched; readonly stepBytes: number }[] = []
    for (const [watched, window] of this.#windows) {
      if (window === undefined || !watched.waitsForClient || !watched.mayHoldBuffer) continue
      const stepBytes = watched.movedBytes - window.lastBytes
      if (stepBytes < STARVED_STEP_BYTES_MIN) slow.push({ watched, stepBytes })
    }
    slow.sort((a, b) => a.stepBytes - b.stepBytes)
    for (const { watched } of slow.slice(0, Math.ceil(slow.length / 2))) {
      this.#windows.delete(watched)
      watched.cut()
    }
  }
}
