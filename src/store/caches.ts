/** Rows that every request asks for, kept in memory and dropped when they change. */

import type { Clock } from '../base/clock.ts'
import type { AccessKeyId, BucketId } from '../base/ids.ts'
import { ROW_CACHE_ENTRIES_MAX, ROW_COPY_MS_MAX } from '../base/limits.ts'
import type { Bucket } from '../model/rows/bucket.ts'
import type { RowListener } from '../model/tables.ts'
import type { AccessKey } from './access-key.ts'

/** Taken before a row is read, given to `keep` with what was read. */
export interface Reading {
  readonly generation: number
  readonly sinceMicros: number
}

interface Copy<Value> {
  readonly value: Value
  readonly sinceMicros: number
  isRefreshing: boolean
}

export interface RowCacheOptions {
  readonly clock: Clock
  /** Whether every change of such a row passes here. */
  readonly isAlone: () => boolean
}

/**
 * Values by name. A value that was read before a change of its row is never kept after it: while a
 * change is on its way to stable storage its name is not cached at all.
 *
 * With other nodes a row may change without this one being told. So a copy is shown only for
 * `ROW_COPY_MS_MAX` after its read began, and whoever changes such a row waits for that long where
 * a node did not answer: see `shareCopies`.
 */
export class RowCache<Value> {
  readonly #options: RowCacheOptions
  readonly #copies = new Map<string, Copy<Value>>()
  readonly #changing = new Map<string, number>()
  #generation = 0

  constructor(options: RowCacheOptions) {
    this.#options = options
  }

  /** @param refresh reads the row again, beside the request, before the copy runs out */
  get(name: string, refresh: () => Promise<unknown>): Value | undefined {
    const copy = this.#copies.get(name)
    if (copy === undefined || this.#options.isAlone()) return copy?.value
    const ageMs = (this.#options.clock.monotonicMicros() - copy.sinceMicros) / 1000
    if (ageMs >= ROW_COPY_MS_MAX) {
      this.#copies.delete(name)
      return undefined
    }
    if (ageMs >= ROW_COPY_MS_MAX / 2 && !copy.isRefreshing) {
      copy.isRefreshing = true
      // Whoever needs the row when the copy has run out meets the failure.
      refresh().catch(() => undefined)
    }
    return copy.value
  }

  read(): Reading {
    return {
      generation: this.#generation,
      sinceMicros: this.#options.clock.monotonicMicros(),
    }
  }

  keep(name: string, value: Value, { generation, sinceMicros }: Reading): void {
    if (generation !== this.#generation || this.#changing.has(name)) return
    this.#copies.delete(name)
    if (this.#copies.size >= ROW_CACHE_ENTRIES_MAX) {
      const oldest = this.#copies.keys().next()
      if (oldest.done !== true) this.#copies.delete(oldest.value)
    }
    this.#copies.set(name, { value, sinceMicros, isRefreshing: false })
  }

  /** The row is being changed. @returns what is called once the change is stable */
  touch(name: string): () => void {
    this.drop(name)
    this.#changing.set(name, (this.#changing.get(name) ?? 0) + 1)
    return () => {
      this.drop(name)
      const left = this.#changing.get(name)! - 1
      if (left === 0) this.#changing.delete(name)
      else this.#changing.set(name, left)
    }
  }

  /** The row was changed: neither the copy nor what is being read now is kept. */
  drop(name: string): void {
    this.#copies.delete(name)
    this.#generation += 1
  }
}

const copiedTables = ['bucket', 'bucket-name', 'access-key'] as const
/** Tables whose rows every node may keep copies of. */
export type CopiedTable = (typeof copiedTables)[number]

export function isCopied(name: unknown): name is CopiedTable {
  return (copiedTables as readonly unknown[]).includes(name)
}

/** The caches of one node. Absence is never cached: a miss asks the tables. */
export class Caches implements RowListener {
  readonly buckets: RowCache<Bucket>
  readonly bucketNames: RowCache<BucketId>
  readonly accessKeys: RowCache<AccessKey>
  readonly #settled: () => Promise<void>

  /** @param options.settled resolves once every batch begun before the call is stable */
  constructor(options: RowCacheOptions & { readonly settled: () => Promise<void> }) {
    this.#settled = options.settled
    this.buckets = new RowCache(options)
    this.bucketNames = new RowCache(options)
    this.accessKeys = new RowCache(options)
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

  /** Another node changed the row. */
  drop(table: CopiedTable, name: string): void {
    const caches: Readonly<Record<CopiedTable, RowCache<unknown>>> = {
      bucket: this.buckets,
      'bucket-name': this.bucketNames,
      'access-key': this.accessKeys,
    }
    caches[table].drop(name)
  }

  /** After a failed write nothing is cached any more: the node is ending. */
  #touched(cache: RowCache<unknown>, name: string): void {
    const done = cache.touch(name)
    Promise.resolve()
      .then(() => this.#settled())
      .then(done, () => undefined)
  }
}
