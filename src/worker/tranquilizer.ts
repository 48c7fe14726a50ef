/** How long background work rests: in proportion to what it took. Pure. */

const PAUSE_MS_MAX = 10_000
const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 60_000

/** The pause in ms after a step of `tookMicros`, `tranquility` times as long, at most 10 s. */
export function pauseAfter(tookMicros: number, tranquility: number): number {
  return Math.min(PAUSE_MS_MAX, (tookMicros / 1000) * tranquility)
}

/** The delay in ms before the next try after `errorsInARow` failures: doubling, at most a minute. */
export function retryDelayMs(errorsInARow: number): number {
  return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(20, errorsInARow))
}
