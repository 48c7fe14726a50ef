/** Runs one worker until it is stopped: paces it, wakes it, and reports what fails. */

import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { pauseAfter, retryDelayMs } from './tranquilizer.ts'
import type { Worker, WorkerStatus, Working } from './worker.ts'

/**
 * The life of one worker. Steps never overlap; a step that throws is logged, counted and tried
 * again after a growing delay. After `stop` has resolved nothing of it runs any more.
 */
export class WorkerRunner implements Working {
  readonly #worker: Worker
  readonly #clock: Clock
  readonly #log: Log
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #wake: (() => void) | undefined
  #woken = false
  #state: WorkerStatus['state'] = 'stopped'
  #tranquility: number
  #steps = 0
  #errors = 0
  #errorsInARow = 0
  #lastError: { readonly message: string; readonly micros: number } | undefined

  constructor(worker: Worker, context: { readonly clock: Clock; readonly log: Log }) {
    this.#worker = worker
    this.#tranquility = worker.tranquility
    this.#clock = context.clock
    this.#log = context.log
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends the pause of an idle worker; a running one takes one more step before it rests. */
  wake(): void {
    this.#woken = true
    this.#wake?.()
  }

  setTranquility(tranquility: number): void {
    this.#tranquility = tranquility
  }

  /** Aborts the current step and resolves once it has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error(`The worker "${this.#worker.name}" is stopped`))
    this.#wake?.()
    await this.#running
    this.#state = 'stopped'
  }

  status(): WorkerStatus {
    const error = this.#lastError
    const agoMicros = this.#clock.monotonicMicros() - (error?.micros ?? 0)
    return {
      name: this.#worker.name,
      state: this.#state,
      steps: this.#steps,
      errors: this.#errors,
      errorsInARow: this.#errorsInARow,
      lastError: error && {
        message: error.message,
        secondsAgo: Math.round(agoMicros / 1_000_000),
      },
      tranquility: this.#tranquility,
      queueLength: this.#worker.queueLength?.(),
      remarks: this.#worker.remarks?.() ?? [],
      failures: this.#worker.failures?.() ?? [],
    }
  }

  async #run(): Promise<void> {
    const signal = this.#stopping.signal
    while (!signal.aborted) {
      this.#woken = false
      this.#state = this.#errorsInARow > 0 ? 'failing' : 'running'
      const pauseMs = await this.#step(signal)
      if (signal.aborted) return
      // An idle worker that was woken meanwhile goes on at once; a failing one waits it out.
      if (!(this.#woken && this.#isIdle())) await this.#rest(pauseMs)
    }
  }

  /** @returns how long to rest afterwards */
  async #step(signal: AbortSignal): Promise<number> {
    const startMicros = this.#clock.monotonicMicros()
    try {
      const state = await this.#worker.work(signal)
      this.#steps++
      this.#errorsInARow = 0
      if (state === 'idle') {
        this.#state = 'idle'
        return this.#worker.intervalMs
      }
      const tookMicros = this.#clock.monotonicMicros() - startMicros
      return pauseAfter(tookMicros, this.#tranquility)
    } catch (error) {
      if (signal.aborted) return 0
      this.#errors++
      this.#errorsInARow++
      const message = error instanceof Error ? error.message : String(error)
      this.#lastError = { message, micros: this.#clock.monotonicMicros() }
      this.#state = 'failing'
      this.#log.warn({ worker: this.#worker.name, error: message }, 'a worker step failed')
      return retryDelayMs(this.#errorsInARow)
    }
  }

  #isIdle(): boolean {
    return this.#state === 'idle'
  }

  #rest(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel()
        this.#wake = undefined
        resolve()
      }
      const cancel = this.#clock.after(pauseMs, finish)
      // Only idleness ends early: a pause after work is what keeps the foreground quick.
      this.#wake = () => {
        if (this.#isIdle() || this.#stopping.signal.aborted) finish()
      }
    })
  }
}

/** At once: each may wait for other nodes, which has long deadlines where they are away. */
export async function stopAll(runners: readonly WorkerRunner[]): Promise<void> {
  await Promise.all(runners.map((runner) => runner.stop()))
}
