/** Deletes the blocks that nobody refers to: after the grace, and only after asking the owners. */

import type { Clock } from '../base/clock.ts'
import { CALL_DEADLINE_MS } from '../base/limits.ts'
import { withDeadline } from '../base/clock.ts'
import type { Metrics } from '../base/metrics.ts'
import type { KeyedMutex } from '../base/semaphore.ts'
import type { Db } from '../db/db.ts'
import type { Worker, WorkState } from '../worker/worker.ts'
import type { References } from './references.ts'
import type { BlockIndex } from './segment/index.ts'

/** Hashes looked at in one step, and asked about at once. */
const SLICE_HASHES = 256
const ASKED_AT_ONCE = 16
const INTERVAL_MS_MIN = 100
const INTERVAL_MS_MAX = 30_000

export interface ResyncOptions {
  readonly db: Db
  readonly clock: Clock
  readonly graceMs: number
  readonly index: BlockIndex
  readonly references: References
  readonly locks: KeyedMutex
  readonly metrics: Metrics
  /** A settled read: whether any live reference to the block exists. */
  readonly isReferenced: (hash: string) => Promise<boolean>
  /** Told when blocks were deleted, so that their space is looked for. */
  readonly onDeleted: () => void
}

/**
 * The worker that walks the zero rows.
 *
 * The owners are asked before the lock is taken, for their answer may wait for a reference that
 * waits for the lock. What was asked about stands only if under the lock the zero row is the very
 * one that was there before: whoever stored or referred to the block meanwhile has changed it.
 */
export class Resync implements Worker {
  readonly name = 'block-resync'
  readonly tranquility = 1
  readonly intervalMs: number
  readonly #options: ResyncOptions
  readonly #deleted: (amount?: number) => void
  #cursor: string | undefined
  /** Of this round, so far; and of the last one. */
  #seen = 0
  #waiting = 0
  /** Of this round the first: whose owners are away keeps no other block. */
  #failure: unknown

  constructor(options: ResyncOptions) {
    this.#options = options
    this.intervalMs = Math.min(INTERVAL_MS_MAX, Math.max(INTERVAL_MS_MIN, options.graceMs / 4))
    this.#deleted = options.metrics.counter('block_deleted_total', 'Blocks deleted after the grace')
  }

  /** Blocks without references, in their grace or to be deleted. */
  queueLength(): number {
    return Math.max(this.#waiting, this.#seen)
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    const hashes = await this.#options.references.zeros(this.#cursor, SLICE_HASHES)
    let deleted = 0
    for (let start = 0; start < hashes.length; start += ASKED_AT_ONCE) {
      signal.throwIfAborted()
      const some = hashes.slice(start, start + ASKED_AT_ONCE)
      const results = await Promise.allSettled(some.map((hash) => this.#examine(hash)))
      for (const result of results) {
        if (result.status === 'rejected') this.#failure ??= result.reason
        else if (result.value) deleted++
      }
    }
    this.#deleted(deleted)
    if (deleted > 0) this.#options.onDeleted()
    const ended = hashes.length < SLICE_HASHES
    this.#seen = this.#seen + hashes.length - deleted
    this.#cursor = ended ? undefined : hashes.at(-1)
    if (!ended) return 'busy'
    this.#waiting = this.#seen
    this.#seen = 0
    this.#throwFailure()
    return 'idle'
  }

  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure as Error
  }

  /** @returns whether the block was deleted */
  async #examine(hash: string): Promise<boolean> {
    const { db, clock, references, index, locks } = this.#options
    const zero = references.expired(hash)
    if (zero === undefined) return false
    const referenced = await withDeadline(
      clock,
      this.#options.isReferenced(hash),
      CALL_DEADLINE_MS,
      () => new Error(`Cannot tell whether block "${hash}" is referenced: no answer in time`),
    )
    if (referenced) {
      references.renew(hash)
      return false
    }
    return locks.run(hash, async () => {
      let removed = false
      await db.write((batch) => {
        if (!references.isUnchanged(batch, hash, zero)) return
        removed = index.find(hash, batch) !== undefined
        index.remove(batch, hash)
        references.forget(batch, hash)
      })
      return removed
    })
  }
}
