/** What lies under group commit: an ordered store of keys that writes batches durably. */

import type { RangeOptions } from './db.ts'

export type Stored = string | Uint8Array
export type ValueForm = 'text' | 'bytes'

/** One change of a batch. An engine reads it during `write` and keeps nothing of it but the value. */
export interface Operation {
  readonly type: 'put' | 'del'
  readonly key: string
  readonly value: Stored | undefined
}

/**
 * An ordered store of UTF-8 keys. It has one writer, which waits for each `write` before the next.
 *
 * A batch is visible to `get` and `range` only once it is on stable storage, and whole.
 */
export interface Engine {
  get(key: string, form: ValueForm): Stored | undefined
  /** Entries in byte order of their keys, as the store stood at the call. */
  range(options: RangeOptions, form: ValueForm): Promise<[key: string, value: Stored][]>
  /** Resolves when all of `operations` are on stable storage; rejects when they may not be. */
  write(operations: readonly Operation[]): Promise<void>
  close(): Promise<void>
}
