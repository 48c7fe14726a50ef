/**
 * Which partitions lie on this node, and how complete they are: kept on disk, so that a node which
 * gains a partition again never takes old rows of it for new ones (protocol 5.3).
 */

import type { NodeId } from '../base/ids.ts'
import { PARTITION_COUNT, type Cluster } from '../cluster/cluster.ts'
import type { LayoutHistory } from '../cluster/layout/history.ts'
import { ownersIn } from '../cluster/layout/layout.ts'
import type { Db, Tree } from '../db/db.ts'
import { TableError } from './errors.ts'

const stateTree: Tree<string> = { name: 'table-state', tag: '%', values: 'text' }
const CUSTODY_KEY = 'custody'
const COUNT = PARTITION_COUNT + 1
/** Of a partition whose rows, if any, are not this node's to keep. */
const NOT_HELD = -1
/** Of a partition that it held before it ever heard of a layout. */
const FROM_THE_START = 0

/**
 * What a database without a row of custody holds: everything. That of a node which stood alone
 * does; a new one holds nothing that would have to be thrown away.
 */
export class Custody {
  readonly #db: Db
  readonly #cluster: Cluster
  /** For each partition: not held, or the version up to which it is complete. */
  #complete: readonly number[]
  /** Owned, and not held yet: nothing is answered for them. */
  readonly #gained = new Set<number>()

  constructor(db: Db, cluster: Cluster) {
    this.#db = db
    this.#cluster = cluster
    const text = db.get(stateTree, CUSTODY_KEY)
    this.#complete =
      text === undefined ? new Array<number>(COUNT).fill(FROM_THE_START) : parseCustody(text)
    this.look()
  }

  /**
   * Compares with the layouts of now.
   *
   * @returns partitions to be emptied before anything is answered for them, and those whose rows
   *   are to go because this node owns them no longer
   */
  look(): { readonly gained: readonly number[]; readonly lost: readonly number[] } {
    const history = this.#cluster.history()
    this.#gained.clear()
    if (history === undefined) return { gained: [], lost: [] }
    const lost: number[] = []
    for (let partition = 0; partition < COUNT; partition += 1) {
      const isOwned = isOwnedIn(history, partition, this.#cluster.self)
      const isHeld = this.#complete[partition] !== NOT_HELD
      if (isOwned && !isHeld) this.#gained.add(partition)
      if (!isOwned && isHeld) lost.push(partition)
    }
    return { gained: [...this.#gained], lost }
  }

  /** @throws {TableError} `NotReady` for a partition that was gained and not emptied yet */
  assertHeld(partition: number): void {
    if (this.#gained.size > 0 && this.#gained.has(partition)) {
      throw new TableError('NotReady', `Cannot answer for partition ${partition} yet`)
    }
  }

  /** Before their rows are thrown away: cut off in between, they are thrown away when gained again. */
  giveUp(partitions: readonly number[]): Promise<void> {
    return this.#set(partitions, NOT_HELD)
  }

  /** They were emptied: from now on rows may come. */
  async take(partitions: readonly number[]): Promise<void> {
    await this.#set(partitions, FROM_THE_START)
    for (const partition of partitions) this.#gained.delete(partition)
  }

  /** Everything of them is here, as of layout `version`. */
  completed(partitions: readonly number[], version: number): Promise<void> {
    return this.#set(partitions, version)
  }

  /** Partitions that this node owns in a layout and does not hold whole as of it. */
  incomplete(history: LayoutHistory, version: number): number[] {
    const layout = history.active.find((each) => each.version === version)
    const found: number[] = []
    for (let partition = 0; layout !== undefined && partition < COUNT; partition += 1) {
      if (!ownersIn(layout, partition).includes(this.#cluster.self)) continue
      if (this.#complete[partition]! < version) found.push(partition)
    }
    return found
  }

  /** Up to which active layout everything that this node owns is here. */
  completeTo(): number {
    const history = this.#cluster.history()
    let version = 0
    for (const layout of history?.active ?? []) {
      if (this.incomplete(history!, layout.version).length > 0) break
      version = layout.version
    }
    return version
  }

  async #set(partitions: readonly number[], value: number): Promise<void> {
    if (partitions.length === 0) return
    const next = [...this.#complete]
    for (const partition of partitions) next[partition] = value
    await this.#db.write((batch) => batch.put(stateTree, CUSTODY_KEY, next.join(' ')))
    this.#complete = next
  }
}

function isOwnedIn(history: LayoutHistory, partition: number, self: NodeId): boolean {
  return history.active.some((layout) => ownersIn(layout, partition).includes(self))
}

/** @throws {TypeError} when it is not what `Custody` writes */
function parseCustody(text: string): number[] {
  const numbers = text.split(' ').map(Number)
  if (numbers.length !== COUNT || numbers.some((each) => !Number.isSafeInteger(each))) {
    throw new TypeError('Cannot read which partitions lie here: the row is damaged')
  }
  return numbers
}
