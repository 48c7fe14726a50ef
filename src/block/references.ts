/** How many references to each block lie on this node, and since when there are none. */

import type { Clock } from '../base/clock.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Batch, Db, Reader, Tree } from '../db/db.ts'

/** Key: block hash. Value: live references on this node, decimal; no row means none. */
export const countTree: Tree<string> = { name: 'block-count', tag: '3', values: 'text' }
/**
 * Key: hash of a block that lies here, or lay here, without references. Value: `boot.ms`, when that
 * began: the start of the node that saw it, and its running time then.
 */
export const zeroTree: Tree<string> = { name: 'block-zero', tag: '4', values: 'text' }
/** Key: hash of a block that is referred to on this node and does not lie here. No value. */
export const wantedTree: Tree<string> = { name: 'block-wanted', tag: '6', values: 'text' }
/** Key: `boots`. Value: how often blocks were opened, decimal. */
export const stateTree: Tree<string> = { name: 'block-state', tag: '5', values: 'text' }

/**
 * The counts and zero times, as rows.
 *
 * Invariant: a block that lies here has a zero row exactly while its count is none. It is written
 * in the batch that indexes the block, so that one that never gets a reference is found.
 *
 * A zero time counts only in the life of the process that wrote it: one of an earlier life began,
 * for all that this one knows, when it started.
 */
export class References {
  readonly #db: Db
  readonly #clock: Clock
  readonly #graceMs: number
  readonly #startMicros: number
  readonly #underflow: (amount?: number) => void
  #boot = 0

  constructor(options: { db: Db; clock: Clock; graceMs: number; metrics: Metrics }) {
    this.#db = options.db
    this.#clock = options.clock
    this.#graceMs = options.graceMs
    this.#startMicros = options.clock.monotonicMicros()
    this.#underflow = options.metrics.counter(
      'block_reference_underflow_total',
      'References dropped that were never counted',
    )
  }

  /** Begins this life: every zero row that is here now waits a whole grace again. */
  async start(): Promise<void> {
    const boot = Number(this.#db.get(stateTree, 'boots') ?? 0) + 1
    this.#boot = boot
    await this.#db.write((batch) => batch.put(stateTree, 'boots', String(boot)))
  }

  count(hash: string, reader: Reader = this.#db): number {
    return Number(reader.get(countTree, hash) ?? 0)
  }

  /** Blocks that are referred to on this node, in order of hash. */
  async counted(after: string | undefined, limit: number): Promise<readonly string[]> {
    const bounds = after === undefined ? { limit } : { gt: after, limit }
    const entries = await this.#db.range(countTree, bounds)
    return entries.map((entry) => entry.key)
  }

  /** @param isHere whether the block lies on this node: if not, it is wanted from now on */
  added(batch: Batch, hash: string, isHere: boolean): void {
    batch.put(countTree, hash, String(this.count(hash, batch) + 1))
    if (batch.get(zeroTree, hash) !== undefined) batch.del(zeroTree, hash)
    if (!isHere) batch.put(wantedTree, hash, '')
  }

  /** Blocks that are referred to here and do not lie here, in order of hash. */
  async wanted(after: string | undefined, limit: number): Promise<readonly string[]> {
    const bounds = after === undefined ? { limit } : { gt: after, limit }
    const entries = await this.#db.range(wantedTree, bounds)
    return entries.map((entry) => entry.key)
  }

  /** The block came, or nobody refers to it any more. */
  satisfied(batch: Batch, hash: string): void {
    if (batch.get(wantedTree, hash) !== undefined) batch.del(wantedTree, hash)
  }

  /**
   * The block was found damaged or gone: if it is referred to, it is wanted.
   *
   * @returns whether it is
   */
  lost(batch: Batch, hash: string): boolean {
    if (this.count(hash, batch) === 0) return false
    if (batch.get(wantedTree, hash) === undefined) batch.put(wantedTree, hash, '')
    return true
  }

  dropped(batch: Batch, hash: string): void {
    const count = this.count(hash, batch)
    if (count > 1) {
      batch.put(countTree, hash, String(count - 1))
      return
    }
    if (count === 0) this.#underflow()
    batch.del(countTree, hash)
    batch.put(zeroTree, hash, this.#now())
  }

  /** The block was indexed, or its bytes were sent again: without references its grace begins. */
  stored(batch: Batch, hash: string): void {
    this.satisfied(batch, hash)
    if (this.count(hash, batch) === 0) batch.put(zeroTree, hash, this.#now())
  }

  /**
   * Someone is about to refer to the block: a zero time that has run for a while begins anew. In
   * the newest view at once, which is all that matters: after a crash every grace begins anew.
   */
  renew(hash: string): void {
    const zero = this.#db.get(zeroTree, hash)
    if (zero === undefined || this.#ageMs(zero) < this.#graceMs / 4) return
    this.#db
      .write((batch) => {
        if (batch.get(zeroTree, hash) !== undefined) batch.put(zeroTree, hash, this.#now())
      })
      .catch(() => undefined)
  }

  /** The zero row of a block whose grace is over: a token for `isUnchanged`. */
  expired(hash: string, reader: Reader = this.#db): string | undefined {
    const zero = reader.get(zeroTree, hash)
    return zero !== undefined && this.#ageMs(zero) >= this.#graceMs ? zero : undefined
  }

  /**
   * Whether the block lies here for nobody, though its grace has been over for `slackMs`: nothing
   * refers to it, and it was not deleted. Without a zero row it never will be.
   */
  isOverdue(hash: string, slackMs: number): boolean {
    if (this.count(hash) > 0) return false
    const zero = this.#db.get(zeroTree, hash)
    return zero === undefined || this.#ageMs(zero) >= this.#graceMs + slackMs
  }

  /** Whether nobody added, dropped, stored or renewed since `expired` gave `zero`. */
  isUnchanged(batch: Batch, hash: string, zero: string): boolean {
    return batch.get(zeroTree, hash) === zero && this.count(hash, batch) === 0
  }

  /** The block is gone, or was never here. */
  forget(batch: Batch, hash: string): void {
    batch.del(zeroTree, hash)
  }

  /** Zero rows in order of hash whose grace may be over. */
  async zeros(after: string | undefined, limit: number): Promise<readonly string[]> {
    const bounds = after === undefined ? { limit } : { gt: after, limit }
    const entries = await this.#db.range(zeroTree, bounds)
    return entries.map((entry) => entry.key)
  }

  #runningMs(): number {
    return Math.floor((this.#clock.monotonicMicros() - this.#startMicros) / 1000)
  }

  #now(): string {
    return `${this.#boot}.${this.#runningMs()}`
  }

  #ageMs(zero: string): number {
    const [boot, ms] = zero.split('.').map(Number)
    return boot === this.#boot ? this.#runningMs() - ms! : this.#runningMs()
  }
}
