/** Rows that every request asks for, kept in memory and dropped when they change. */

import type { AccessKeyId, BucketId } from '../base/ids.ts'
import { ROW_CACHE_ENTRIES_MAX } from '../base/limits.ts'
import type { Bucket } from '../model/rows/bucket.ts'
import type { RowListener } from '../model/tables.ts'
import type { AccessKey } from './access-key.ts'

/**
 * Values by name. A value that was read before a change of its row is never kept after it: while a
 * change is on its way to stable storage its name is not cached at all.
 */
export class RowCache<Value> {
  readonly #values = new Map<string, Value>()
  readonly #changing = new Map<string, number>()
  readonly #mayKeep: () => boolean
  #generation = 0

  /** @param mayKeep whether every change of such a row passes here */
  constructor(mayKeep: () => boolean) {
    this.#mayKeep = mayKeep
  }

  get(name: string): Value | undefined {
    return this.#mayKeep() ? this.#values.get(name) : undefined
  }

  /** Asked before a row is read, given to `keep` with what was read. */
  get generation(): number {
    return this.#generation
  }

  keep(name: string, value: Value, generation: number): void {
    if (generation !== this.#generation || this.#changing.has(name) || !this.#mayKeep()) return
    if (this.#values.size >= ROW_CACHE_ENTRIES_MAX) {
      const oldest = this.#values.keys().next()
      if (oldest.done !== true) this.#values.delete(oldest.value)
    }
    this.#values.set(name, value)
  }

  /** The row is being changed. @returns what is called once the change is stable */
  touch(name: string): () => void {
    this.#drop(name)
    this.#changing.set(name, (this.#changing.get(name) ?? 0) + 1)
    return () => {
      this.#drop(name)
      const left = this.#changing.get(name)! - 1
      if (left === 0) this.#changing.delete(name)
      else this.#changing.set(name, left)
    }
  }

  #drop(name: string): void {
    this.#values.delete(name)
    this.#generation += 1
  }
}

/** The caches of one node. Absence is never cached: a miss asks the tables. */
export class Caches implements RowListener {
  readonly buckets: RowCache<Bucket>
  readonly bucketNames: RowCache<BucketId>
  readonly accessKeys: RowCache<AccessKey>
  readonly #settled: () => Promise<void>

  /**
   * @param options.settled resolves once every batch begun before the call is stable
   * @param options.mayKeep whether every change of a row passes this node
   */
  constructor(options: { readonly settled: () => Promise<void>; readonly mayKeep: () => boolean }) {
    this.#settled = options.settled
    this.buckets = new RowCache(options.mayKeep)
    this.bucketNames = new RowCache(options.mayKeep)
    this.accessKeys = new RowCache(options.mayKeep)
  }

  bucketTouched(id: string): void {
    this.#touched(this.buckets, id)
  }

  bucketNameTouched(name: string): void {
    this.#touched(this.bucketNames, name)
  }

  accessKeyTouched(id: AccessKeyId | string): void {
    this.#touched(this.accessKeys, id)
  }

  /** After a failed write nothing is cached any more: the node is ending. */
  #touched(cache: RowCache<unknown>, name: string): void {
    const done = cache.touch(name)
    Promise.resolve()
      .then(() => this.#settled())
      .then(done, () => undefined)
  }
}
