/** Cuts off clients that send or take nothing, by one timer for the whole listener. */

import type { Cancel, Clock } from '../../base/clock.ts'
import { BODY_IDLE_MS_MAX, BODY_WINDOW_BYTES_MIN } from '../../base/limits.ts'

/** How often the watch looks. */
export const WATCH_STEP_MS = 5_000

/** Something that may wait for its client. */
export interface Watched {
  readonly waitsForClient: boolean
  /** Grows with every byte that the client sent or took. */
  readonly movedBytes: number
  /** Called once, when the client was too slow. */
  cut(): void
}

interface Window {
  sinceMicros: number
  fromBytes: number
}

/**
 * Watches exchanges. One that waits for its client at every look of a whole window, and in it
 * moved less than `BODY_WINDOW_BYTES_MIN`, is cut. Time that we spend ourselves does not count.
 */
export class IdleWatch {
  readonly #clock: Clock
  readonly #windows = new Map<Watched, Window | undefined>()
  #cancel: Cancel | undefined

  constructor(clock: Clock) {
    this.#clock = clock
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
    for (const [watched, window] of this.#windows) {
      if (!watched.waitsForClient) {
        if (window !== undefined) this.#windows.set(watched, undefined)
        continue
      }
      const moved = watched.movedBytes
      if (window === undefined || moved - window.fromBytes >= BODY_WINDOW_BYTES_MIN) {
        this.#windows.set(watched, { sinceMicros: now, fromBytes: moved })
      } else if (now - window.sinceMicros >= BODY_IDLE_MS_MAX * 1000) {
        this.#windows.delete(watched)
        watched.cut()
      }
    }
  }
}
