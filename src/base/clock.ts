/** The port for time. The real one is `node/system/clock.ts`; simulations run on a virtual one. */

/** Cancels what it was given for; calling it again does nothing. */
export type Cancel = () => void

export interface Clock {
  /** Wall clock, integer microseconds since the Unix epoch. May jump either way. */
  wallMicros(): number
  /** Monotonic clock, integer microseconds from an arbitrary start. Never goes back. */
  monotonicMicros(): number
  /**
   * Calls `action` once after at least `delayMs`.
   * A pending call keeps the process alive only with `keepAlive: true`.
   */
  after(delayMs: number, action: () => void, options?: { readonly keepAlive?: boolean }): Cancel
  /** Calls `action` after the current turn's callbacks, before any timer. */
  soon(action: () => void): void
}

/**
 * Waits `delayMs` on `clock`.
 *
 * @throws the reason of `signal` when it is aborted first
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      cancel()
      reject(signal?.reason as Error)
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/**
 * Settles as `work` does, or rejects with what `late` makes once `deadlineMs` have passed.
 * The work itself is not stopped: whoever started it gives it a signal for that.
 */
export function withDeadline<T>(
  clock: Clock,
  work: Promise<T>,
  deadlineMs: number,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(deadlineMs, () => reject(late()))
    work.then(
      (value) => {
        cancel()
        resolve(value)
      },
      (error: unknown) => {
        cancel()
        reject(error as Error)
      },
    )
  })
}
