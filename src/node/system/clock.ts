/** The real clock. */

import type { Clock } from '../../base/clock.ts'

/** The longest delay that the platform's timers take; a longer one would fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  wallMicros: () => Date.now() * 1000,
  monotonicMicros: () => Math.floor(performance.now() * 1000),
  after(delayMs, action, options = {}) {
    const timer = setTimeout(action, Math.min(delayMs, DELAY_MS_MAX))
    if (options.keepAlive !== true) timer.unref()
    return () => clearTimeout(timer)
  },
  soon: (action) => void setImmediate(action),
}
