/** Virtual time for tests: nothing happens until it is told to pass. */

import type { Cancel, Clock } from '../../src/base/clock.ts'

interface Event {
  readonly at: number
  readonly action: () => void
}

/** A `Clock` whose time passes in `run` only. Equal times fire in the order of the calls. */
export class VirtualClock implements Clock {
  #now: number
  #events: Event[] = []

  /** @param startMicros wall time at the beginning */
  constructor(startMicros = 1_790_000_000_000_000) {
    this.#now = startMicros
  }

  wallMicros(): number {
    return this.#now
  }

  monotonicMicros(): number {
    return this.#now
  }

  after(delayMs: number, action: () => void): Cancel {
    const event = { at: this.#now + Math.max(0, Math.round(delayMs * 1000)), action }
    let index = this.#events.length
    while (index > 0 && this.#events[index - 1]!.at > event.at) index -= 1
    this.#events.splice(index, 0, event)
    return () => {
      this.#events = this.#events.filter((other) => other !== event)
    }
  }

  soon(action: () => void): void {
    this.after(0, action)
  }

  /** Lets `ms` pass: everything that is due, and what follows from it within that time. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms * 1000
    await settled()
    for (;;) {
      const next = this.#events[0]
      if (next === undefined || next.at > end) break
      this.#events.shift()
      this.#now = next.at
      next.action()
      await settled()
    }
    this.#now = end
  }
}

/** Lets promises that are resolved run what waits for them. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
