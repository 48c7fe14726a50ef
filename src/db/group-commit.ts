/** Local rows with group commit: everything ready becomes one synced batch, one at a time. */

import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { SCAN_SLICE_ROWS } from '../base/limits.ts'
import type { Batch, Db, Entry, RangeOptions, Tree } from './db.ts'
import type { Engine, Operation, Stored } from './engine.ts'
import { DbFault, isUnreadable, READ_HELP, readFailure } from './errors.ts'

/** What stamps every group and takes note of it once it is stable. */
export interface GroupSeal {
  /** The operations that prove this group, to be written in its own batch. */
  stamp(operations: readonly Operation[]): readonly Operation[]
  /** The group last stamped is on stable storage: note that down outside the database. */
  note(): Promise<void>
  /** All groups are stable and noted, and no other follows. */
  end(): Promise<void>
}

export interface GroupCommitOptions {
  readonly engine: Engine
  readonly clock: Clock
  /** Told once, when a write failed: the process can only end. */
  readonly onFatal: (fault: DbFault) => void
  readonly seal?: GroupSeal
  /** Why nothing may be written, as a sentence's end. */
  readonly readOnly?: string
}

/** A row of a group that is not yet stable. The newest of each key stands in the overlay. */
interface PendingRow extends Operation {
  type: 'put' | 'del'
  readonly key: string
  value: Stored | undefined
  readonly group: Group
}

/** What a batch changed in a row that an earlier batch of its group had put. */
interface Undo {
  readonly row: PendingRow
  readonly type: 'put' | 'del'
  readonly value: Stored | undefined
}

class Group {
  readonly rows: PendingRow[] = []
  readonly stable: Promise<void>
  resolve!: () => void
  reject!: (fault: DbFault) => void

  constructor() {
    this.stable = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // A caller need not wait for its write; `onFatal` tells of a failure.
    this.stable.catch(() => undefined)
  }
}

/** @see Db, whose contract this keeps on any engine */
export class GroupCommitDb implements Db, Batch {
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #seal: GroupSeal | undefined
  readonly #onFatal: (fault: DbFault) => void
  /** Newest row of each key of the open group and the one in flight. */
  readonly #overlay = new Map<string, PendingRow>()
  readonly #readOnly: DbFault | undefined
  #open = new Group()
  #inFlight: Group | undefined
  /** The group before last is being noted outside the database. */
  #noting: Promise<void> | undefined
  #isScheduled = false
  #isFilling = false
  #undo: Undo[] = []
  #filledFrom = 0
  #stopped: DbFault | undefined

  constructor(options: GroupCommitOptions) {
    this.#engine = options.engine
    this.#clock = options.clock
    this.#seal = options.seal
    this.#onFatal = options.onFatal
    if (options.readOnly !== undefined) {
      this.#readOnly = new DbFault('ReadOnly', `Cannot write rows: ${options.readOnly}`)
    }
  }

  get<V extends Stored>(tree: Tree<V>, key: string): V | undefined {
    const diskKey = tree.tag + key
    const row = this.#overlay.get(diskKey)
    if (row !== undefined) return row.value as V | undefined
    return this.#engine.get(diskKey, tree.values) as V | undefined
  }

  getStable<V extends Stored>(tree: Tree<V>, key: string): V | undefined {
    return this.#engine.get(tree.tag + key, tree.values) as V | undefined
  }

  pending(tree: Tree, key: string): Promise<void> | undefined {
    return this.#overlay.get(tree.tag + key)?.group.stable
  }

  async range<V extends Stored>(tree: Tree<V>, options: RangeOptions): Promise<Entry<V>[]> {
    const { gte, gt, lt, limit, reverse } = options
    const bounds = {
      lt: lt === undefined ? String.fromCharCode(tree.tag.charCodeAt(0) + 1) : tree.tag + lt,
      limit: Math.min(limit, SCAN_SLICE_ROWS),
      reverse: reverse ?? false,
      ...(gt === undefined ? { gte: tree.tag + (gte ?? '') } : { gt: tree.tag + gt }),
    }
    const found = await this.#engine.range(bounds, tree.values)
    return found.map(([key, value]) => ({ key: key.slice(1), value: value as V }))
  }

  write(fill: (batch: Batch) => void): Promise<void> {
    const refusal = this.#stopped ?? this.#readOnly
    if (refusal !== undefined) return Promise.reject(refusal)
    assert(!this.#isFilling, 'a batch is filled by one caller at a time')
    const group = this.#open
    this.#isFilling = true
    this.#filledFrom = group.rows.length
    try {
      fill(this)
    } catch (error) {
      this.#takeBack(group)
      throw error
    } finally {
      this.#isFilling = false
      this.#undo.length = 0
    }
    if (group.rows.length > 0) this.#schedule()
    else return this.#inFlight?.stable ?? Promise.resolve()
    return group.stable
  }

  put<V extends Stored>(tree: Tree<V>, key: string, value: V): void {
    this.#set('put', tree.tag + key, value)
  }

  del(tree: Tree, key: string): void {
    this.#set('del', tree.tag + key, undefined)
  }

  async close(): Promise<void> {
    this.#stopped ??= new DbFault('Closed', 'Cannot write rows: the database is closed')
    while (this.#inFlight !== undefined || this.#open.rows.length > 0) {
      const group = this.#inFlight ?? this.#open
      await group.stable.catch(() => undefined)
      if (this.#stopped.code === 'WriteFailed') break
    }
    await this.#noting?.catch(() => undefined)
    if (this.#stopped.code !== 'WriteFailed') await this.#seal?.end()
    await this.#engine.close()
  }

  /** A row once in a group, however many of its batches put it: counters become one row. */
  #set(type: 'put' | 'del', key: string, value: Stored | undefined): void {
    assert(this.#isFilling, 'a batch is filled only while `fill` runs')
    const group = this.#open
    const before = this.#overlay.get(key)
    if (before !== undefined && before.group === group) {
      this.#undo.push({ row: before, type: before.type, value: before.value })
      before.type = type
      before.value = value
      return
    }
    const row: PendingRow = { type, key, value, group }
    group.rows.push(row)
    this.#overlay.set(key, row)
  }

  /** A batch whose `fill` threw leaves no trace. */
  #takeBack(group: Group): void {
    for (const { row, type, value } of this.#undo.reverse()) {
      row.type = type
      row.value = value
    }
    for (const { key } of group.rows.splice(this.#filledFrom)) {
      this.#overlay.delete(key)
      const older = this.#inFlight?.rows.find((row) => row.key === key)
      if (older !== undefined) this.#overlay.set(key, older)
    }
  }

  #schedule(): void {
    if (this.#isScheduled || this.#inFlight !== undefined) return
    this.#isScheduled = true
    this.#clock.soon(() => {
      this.#isScheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    const group = this.#open
    if (group.rows.length === 0 || this.#inFlight !== undefined) return
    if (this.#stopped?.code === 'WriteFailed') return
    this.#inFlight = group
    this.#open = new Group()
    this.#writeGroup(group).then(
      () => this.#finish(group),
      (error: unknown) => this.#fail(error),
    )
  }

  async #writeGroup(group: Group): Promise<void> {
    const noted = this.#noting
    if (this.#seal === undefined) {
      await this.#engine.write(group.rows)
      return
    }
    const stamps = this.#seal.stamp(group.rows)
    const written = this.#engine.write(stamps.length > 0 ? [...group.rows, ...stamps] : group.rows)
    // The group before is noted beside this one's sync: so at most one is unproved.
    if (noted === undefined) await written
    else await Promise.all([written, noted])
    this.#noting = this.#seal.note()
    this.#noting.catch((error: unknown) => this.#fail(error))
  }

  #finish(group: Group): void {
    if (this.#stopped?.code === 'WriteFailed') return
    for (const row of group.rows) {
      if (this.#overlay.get(row.key) === row) this.#overlay.delete(row.key)
    }
    this.#inFlight = undefined
    group.resolve()
    this.#flush()
  }

  #fail(error: unknown): void {
    if (this.#stopped?.code === 'WriteFailed') return
    const help = isUnreadable(error) ? `. ${READ_HELP}` : ''
    const message = `Cannot write rows: ${readFailure(error)}${help}`
    const fault = new DbFault('WriteFailed', message, { cause: error })
    this.#stopped = fault
    this.#inFlight?.reject(fault)
    this.#open.reject(fault)
    this.#onFatal(fault)
  }
}
