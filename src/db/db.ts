/** The door to local rows: an ordered key-value store on one disk, written in groups. */

/**
 * A named range of keys. `tag` is one printable ASCII character, unique in the program; it stands
 * before each key on disk. Text trees hold strings, which read faster in long walks.
 */
export interface Tree<Value extends string | Uint8Array = string | Uint8Array> {
  readonly name: string
  readonly tag: string
  readonly values: Value extends string ? 'text' : 'bytes'
}

export interface Entry<Value> {
  readonly key: string
  readonly value: Value
}

/** Bounds of a walk, in the byte order of the keys' UTF-8. */
export interface RangeOptions {
  readonly gte?: string
  readonly gt?: string
  readonly lt?: string
  readonly limit: number
  readonly reverse?: boolean
}

/** Reads the newest value, of groups that are not yet on stable storage too. */
export interface Reader {
  get<V extends string | Uint8Array>(tree: Tree<V>, key: string): V | undefined
}

/** Changes that are written all or none. Reads see what the batch itself has put so far. */
export interface Batch extends Reader {
  put<V extends string | Uint8Array>(tree: Tree<V>, key: string, value: V): void
  del(tree: Tree, key: string): void
}

/**
 * Local rows with group commit: all batches that are ready together become one write with one
 * sync; one group is in flight at a time.
 *
 * Two views: *newest* (`get`, for deciding what to write next) and *stable* (`getStable`, `range`,
 * for anything that is shown to anybody). A failed write is fatal: nothing is acknowledged any
 * more, and `onFatal` of the open call is told once.
 */
export interface Db extends Reader {
  /** The value on stable storage, whatever is being written over it. Synchronous: microseconds. */
  getStable<V extends string | Uint8Array>(tree: Tree<V>, key: string): V | undefined
  /** Undefined when the newest value of the key is stable, else what resolves once it is. */
  pending(tree: Tree, key: string): Promise<void> | undefined
  /** Stable rows in key order, at most `limit` (itself at most `SCAN_SLICE_ROWS` a call). */
  range<V extends string | Uint8Array>(tree: Tree<V>, options: RangeOptions): Promise<Entry<V>[]>
  /**
   * Runs `fill` at once; its changes are in the newest view when this returns, and stable when
   * the promise resolves. Batches become stable in the order of the calls.
   *
   * @throws {DbFault} code `ReadOnly` while the database may only be read (broken seal)
   */
  write(fill: (batch: Batch) => void): Promise<void>
  close(): Promise<void>
}
