/** Long work that is started by one request and watched by others. */

export interface JobProgress {
  readonly done: number
  /** Undefined while nobody knows. */
  readonly total: number | undefined
  /** What `done` counts: `blocks`, `rows`. */
  readonly unit: string
}

export interface JobStatus {
  readonly state: 'never' | 'running' | 'done' | 'failed'
  readonly progress: JobProgress | null
  /** Plain data of the last run that ended well. */
  readonly report: unknown
  readonly error: string | null
}

/** What a job runs; it reports as it goes and stops at the signal. */
export type JobWork<Wish> = (
  report: (progress: JobProgress) => void,
  signal: AbortSignal,
  wish: Wish,
) => Promise<unknown>

/** At most one run at a time; a start while it runs joins the run. */
export class Job<Wish = void> {
  readonly #work: JobWork<Wish>
  readonly #stop = new AbortController()
  #status: JobStatus = { state: 'never', progress: null, report: null, error: null }
  #running: Promise<void> = Promise.resolve()

  constructor(work: JobWork<Wish>) {
    this.#work = work
  }

  status(): JobStatus {
    return this.#status
  }

  start(wish: Wish): JobStatus {
    if (this.#status.state !== 'running' && !this.#stop.signal.aborted) {
      this.#status = { ...this.#status, state: 'running', progress: null, error: null }
      this.#running = this.#run(wish)
    }
    return this.#status
  }

  /** Ends the run under way; resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the node stops'))
    await this.#running
  }

  async #run(wish: Wish): Promise<void> {
    try {
      const said = (progress: JobProgress): void => {
        this.#status = { ...this.#status, progress }
      }
      const report = await this.#work(said, this.#stop.signal, wish)
      this.#status = { state: 'done', progress: this.#status.progress, report, error: null }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      this.#status = { ...this.#status, state: 'failed', error: text }
    }
  }
}
