/** The contract of background work: small steps, told when to stop, honest about what is left. */

/**
 * What a step found: `busy`, there is more to do now; `idle`, nothing until the worker is woken or
 * its interval has passed.
 */
export type WorkState = 'busy' | 'idle'

export interface Worker {
  /** Unique in the node, for people and metrics. */
  readonly name: string
  /** An idle worker looks again after this long, without being woken. */
  readonly intervalMs: number
  /** How much longer than a step the pause after it is: 0 none, 2 leaves a third of the time. */
  readonly tranquility: number
  /** How much waits for it, as of its last round; absent of one that has no queue. */
  queueLength?(): number
  /** What people should know of it: who is not reached, what cannot be had. */
  remarks?(): readonly string[]
  /** Single things that could not be done yet. */
  failures?(): readonly WorkerFailure[]
  /** Does one bounded step. Stops early, soon, when `signal` is aborted. */
  work(signal: AbortSignal): Promise<WorkState>
}

export interface WorkerFailure {
  readonly subject: string
  readonly errors: number
  readonly secondsAgo: number
}

export interface WorkerStatus {
  readonly name: string
  readonly state: 'running' | 'idle' | 'failing' | 'stopped'
  readonly steps: number
  readonly errors: number
  /** Failed steps since the last that succeeded. */
  readonly errorsInARow: number
  readonly lastError: { readonly message: string; readonly secondsAgo: number } | undefined
  readonly tranquility: number
  readonly queueLength: number | undefined
  readonly remarks: readonly string[]
  readonly failures: readonly WorkerFailure[]
}

/** A worker that runs, as others see it. */
export interface Working {
  status(): WorkerStatus
  /** Ends its pause. */
  wake(): void
  /** How much longer than a step the pause after it is, until the node ends. */
  setTranquility(tranquility: number): void
}
