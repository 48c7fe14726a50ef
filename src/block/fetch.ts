/** The worker that brings here the blocks that this node should hold and does not. */

import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { DomainError } from '../base/errors.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Worker, WorkerFailure, WorkState } from '../worker/worker.ts'
import type { NodeBlocks } from './open.ts'
import type { ReplicatedBlocks } from './replicated.ts'

const SLICE_HASHES = 64
const INTERVAL_MS = 10_000
const INTERVAL_MS_MAX = 600_000
/** Rested for each block that could not be had: where nobody has them, asking must not fill a core. */
const MISSING_REST_MS = 1
/** That are remembered by name, and logged. */
const FAILING_MAX = 1_000

export interface BlockFetchOptions {
  readonly local: NodeBlocks
  readonly cluster: ReplicatedBlocks
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** @default 10 s */
  readonly intervalMs?: number
}

/** How often in a row a block could not be had, and when the last time was. */
interface Failure {
  readonly errors: number
  readonly micros: number
}

/**
 * Wanted are blocks that live references on this node name: those whose bytes went past it, those
 * of a partition that it has gained, and those found damaged.
 */
export class BlockFetch implements Worker {
  readonly name = 'block-fetch'
  readonly tranquility = 1
  readonly #options: BlockFetchOptions
  readonly #intervalMs: number
  readonly #fetched: (amount?: number) => void
  #cursor: string | undefined
  /** Of this round, so far; and of the last one. */
  #seen = 0
  #missing = 0
  /** In this round a block came for which the drives have no room: no other is asked for. */
  #isFull = false
  /** Those that could not be had, in this round and in the last one. */
  #failing = new Map<string, Failure>()
  #failed: ReadonlyMap<string, Failure> = new Map()

  constructor(options: BlockFetchOptions) {
    this.#options = options
    this.#intervalMs = options.intervalMs ?? INTERVAL_MS
    this.#fetched = options.metrics.counter(
      'block_fetched_total',
      'Blocks brought here from owners',
    )
    options.metrics.gauge(
      'block_resync_queue_length',
      'Blocks that belong on this node and do not lie here, as of the last round',
      () => this.queueLength(),
    )
    options.metrics.gauge(
      'block_resync_errored_blocks',
      'Those of them that no owner could send',
      () => this.#failed.size,
    )
  }

  get intervalMs(): number {
    const restMs = Math.min(INTERVAL_MS_MAX, this.#missing * MISSING_REST_MS)
    return Math.max(this.#intervalMs, restMs)
  }

  /** Blocks that lie on one owner less than they should, for they do not lie here. */
  queueLength(): number {
    return Math.max(this.#missing, this.#seen)
  }

  remarks(): readonly string[] {
    const [first] = this.#failed.keys()
    if (first === undefined) return []
    return [`${this.#failed.size} blocks that no owner could send, such as ${first}`]
  }

  failures(): readonly WorkerFailure[] {
    const now = this.#options.clock.monotonicMicros()
    return [...this.#failed].map(([subject, { errors, micros }]) => ({
      ...{ subject, errors },
      secondsAgo: Math.round((now - micros) / 1_000_000),
    }))
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    const { local, log } = this.#options
    const hashes = await local.wanted(this.#cursor, SLICE_HASHES)
    for (const hash of hashes) {
      signal.throwIfAborted()
      try {
        if (await local.isSettled(hash)) continue
        this.#seen += 1
        if (this.#isFull) continue
        await this.#fetch(hash, signal)
        this.#seen -= 1
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
        this.#isFull ||= error.code === 'DriveFull'
        if (!this.#note(hash)) continue
        log.warn({ hash, code: String(error.code) }, 'A block that belongs here cannot be had yet')
      }
    }
    const isEnd = hashes.length < SLICE_HASHES
    this.#cursor = isEnd ? undefined : hashes.at(-1)
    if (isEnd) {
      this.#missing = this.#seen
      this.#failed = this.#failing
      this.#seen = 0
      this.#isFull = false
      this.#failing = new Map()
    }
    return isEnd ? 'idle' : 'busy'
  }

  /** @returns whether it is news: tried again and again, it is told of once */
  #note(hash: string): boolean {
    if (this.#failing.size >= FAILING_MAX) return false
    const errors = (this.#failed.get(hash)?.errors ?? 0) + 1
    this.#failing.set(hash, { errors, micros: this.#options.clock.monotonicMicros() })
    return errors === 1
  }

  async #fetch(hash: string, signal: AbortSignal): Promise<void> {
    const { local, cluster } = this.#options
    const slot = await cluster.slab.takeReserved(signal)
    try {
      const bytes = await cluster.getInBackground(hash, slot)
      await local.put(hash, slot, bytes.length)
      this.#fetched()
    } finally {
      slot.release()
    }
  }
}
