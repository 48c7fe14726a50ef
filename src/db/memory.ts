/** The engine in memory, for simulations: same order, same visibility, and it can crash. */

import { compareUtf8, equalBytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import type { RangeOptions } from './db.ts'
import type { Engine, Operation, Stored, ValueForm } from './engine.ts'
import { newestNote } from './seal-file.ts'
import { newestGroup } from './seal.ts'

/**
 * What outlives a simulated crash: the rows that were synced. Open it again, with another
 * `openMemoryDb`, for the next life of the node.
 */
export class MemoryStore {
  readonly #rows = new Map<string, Stored>()
  /** Every key of `#rows` in byte order; keys that were deleted since may stand in it too. */
  #order: string[] = []
  #life = 0
  #inFlight: readonly Operation[] | undefined
  #groupCount = 0

  /**
   * Ends the present life: what is open on this store stays silent for ever. The group being
   * synced is kept whole or lost whole; nobody was told of it yet.
   */
  crash(inFlight: 'keep' | 'lose'): void {
    if (inFlight === 'keep' && this.#inFlight !== undefined) this.#apply(this.#inFlight)
    this.#inFlight = undefined
    this.#life += 1
  }

  /** What is on stable storage now, as another store. */
  copy(): MemoryStore {
    const copy = new MemoryStore()
    for (const [key, value] of this.#rows) copy.#rows.set(key, value)
    copy.#order = [...this.#order]
    copy.#groupCount = this.#groupCount
    return copy
  }

  /** Whether both hold the same rows. */
  isLike(other: MemoryStore): boolean {
    if (this.#rows.size !== other.#rows.size) return false
    for (const [key, value] of this.#rows) {
      const found = other.#rows.get(key)
      if (found === undefined || !isSame(found, value)) return false
    }
    return true
  }

  /** Whether a seal file of these bytes tells of a group that is not among these rows. */
  isBehind(sealFile: Uint8Array): boolean {
    const { note } = newestNote(sealFile)
    return note !== undefined && note.sequence > newestGroup((options) => this.range(options))
  }

  /** Groups that were ever synced, in all lives. */
  get groupCount(): number {
    return this.#groupCount
  }

  get rowCount(): number {
    return this.#rows.size
  }

  /** Used by the engine: begins a life. */
  begin(): number {
    this.crash('lose')
    return this.#life
  }

  /** Used by the engine: false when that life has crashed. */
  isAlive(life: number): boolean {
    return life === this.#life
  }

  get(key: string): Stored | undefined {
    return this.#rows.get(key)
  }

  /** Used by the engine: a group on its way to stable storage. */
  take(operations: readonly Operation[]): void {
    this.#inFlight = operations
  }

  /** Used by the engine: the sync of what `take` was given has ended. */
  sync(): void {
    if (this.#inFlight !== undefined) this.#apply(this.#inFlight)
    this.#inFlight = undefined
  }

  range(options: RangeOptions): [string, Stored][] {
    this.#tidy()
    const { gte, gt, lt, limit, reverse } = options
    const from = Math.max(
      gte === undefined ? 0 : this.#countBelow(gte, false),
      gt === undefined ? 0 : this.#countBelow(gt, true),
    )
    const to = lt === undefined ? this.#order.length : this.#countBelow(lt, false)
    const entries: [string, Stored][] = []
    for (let step = 0; step < to - from && entries.length < limit; step += 1) {
      const key = this.#order[reverse === true ? to - 1 - step : from + step]!
      const value = this.#rows.get(key)
      if (value !== undefined) entries.push([key, value])
    }
    return entries
  }

  #apply(operations: readonly Operation[]): void {
    this.#groupCount += 1
    for (const { type, key, value } of operations) {
      if (type === 'del' || value === undefined) this.#rows.delete(key)
      else {
        if (!this.#rows.has(key)) this.#insertInOrder(key)
        this.#rows.set(key, value)
      }
    }
  }

  #insertInOrder(key: string): void {
    const index = this.#countBelow(key, false)
    if (this.#order[index] !== key) this.#order.splice(index, 0, key)
  }

  #tidy(): void {
    if (this.#order.length <= 2 * this.#rows.size) return
    this.#order = this.#order.filter((key) => this.#rows.has(key))
  }

  /** How many keys of the order lie below `key` (or at it, with `inclusive`). */
  #countBelow(key: string, inclusive: boolean): number {
    let low = 0
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = compareUtf8(this.#order[middle]!, key)
      if (order < 0 || (inclusive && order === 0)) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** @param syncMs how long each sync takes by `clock`; 0 is the next turn */
export function openMemoryEngine(
  store: MemoryStore,
  clock: Clock,
  syncMs: (() => number) | undefined,
): Engine {
  const life = store.begin()
  return {
    get: (key: string, _form: ValueForm) => store.get(key),
    range: (options) => {
      if (store.isAlive(life)) return Promise.resolve(store.range(options))
      return new Promise(() => undefined)
    },
    write: (operations) =>
      new Promise((resolve) => {
        if (!store.isAlive(life)) return
        store.take(operations)
        const finish = (): void => {
          if (!store.isAlive(life)) return
          store.sync()
          resolve()
        }
        const delayMs = syncMs?.() ?? 0
        if (delayMs > 0) clock.after(delayMs, finish)
        else clock.soon(finish)
      }),
    close: () => Promise.resolve(),
  }
}

function isSame(a: Stored, b: Stored): boolean {
  return typeof a === 'string' || typeof b === 'string' ? a === b : equalBytes(a, b)
}
