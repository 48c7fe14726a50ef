/**
 * Which partitions lie on this node, how complete they are, and in which of them it may vote: kept
 * on disk, so that neither a restart nor a database that came back without its rows is mistaken.
 *
 * A node that gains a partition again never takes old rows of it for new ones (protocol 5.3). One
 * whose database lost rows takes new ones, and its answers count for nothing until every other
 * owner has confirmed its new incarnation and was copied from after that (protocol 5.8).
 */

import type { NodeId } from '../base/ids.ts'
import { PARTITION_COUNT, type Cluster } from '../cluster/cluster.ts'
import { newestLayout, type LayoutHistory } from '../cluster/layout/history.ts'
import { isOwnerIn } from '../cluster/layout/layout.ts'
import { isAlone, storesAlone } from '../cluster/lone.ts'
import type { Db, Tree } from '../db/db.ts'
import { TableError } from './errors.ts'
import { rules, type Rules } from './rules.ts'

const stateTree: Tree<string> = { name: 'table-state', tag: '%', values: 'text' }
const CUSTODY_KEY = 'custody'
const COUNT = PARTITION_COUNT + 1
/** Of a partition whose rows, as far as they still lie here, are not this node's to keep. */
const GIVEN_UP = -1
/** Of one that was given up, and of which nothing lies here any more. */
const GONE = -2
/** Of a partition that it held before it ever heard of a layout, or of a re-admission. */
const FROM_THE_START = 0

/** Key of the row on disk, tag first. */
export const CUSTODY_ROW = stateTree.tag + CUSTODY_KEY

type Decided = Pick<Rules, 'mutesLost' | 'noticesGaps'>

/** Stands for an incarnation that nobody has. */
const LOST = 'lost'

/** The row: these in their order, a line of each. */
interface State {
  /** For each partition: given up, gone, or the version up to which it is complete. */
  readonly complete: readonly number[]
  /** For each partition: the re-admission of this node after which it was copied from all others. */
  readonly recovered: readonly number[]
  /** The life of the database that wrote this; empty in one that never did. */
  readonly incarnation: string
  /** As `recovered`, of tables without a veto alone; rows of earlier builds have no such line. */
  readonly recoveredFirst: readonly number[]
  /** The newest layout that was known when `complete` was last brought in line; undefined: none. */
  readonly seen: number | undefined
}

/**
 * What a database without a row of custody holds: everything. That of a node which stood alone
 * does; a new one holds nothing that would have to be thrown away.
 */
export class Custody {
  readonly #db: Db
  readonly #cluster: Cluster
  #incarnation: string
  readonly #rules: Decided
  #state: State
  /** Owned, and not held yet: nothing is answered for them. */
  readonly #gained = new Set<number>()
  /** Taken since this process started. */
  readonly #anew = new Set<number>()
  /** Owned without a vote; undefined when it has none anywhere. */
  #mute: ReadonlySet<number> | undefined = new Set()

  /**
   * @param incarnation the life of the database that is open now
   */
  constructor(db: Db, cluster: Cluster, incarnation: string, decided: Decided = rules) {
    this.#rules = decided
    this.#db = db
    this.#cluster = cluster
    this.#incarnation = incarnation
    const text = db.get(stateTree, CUSTODY_KEY)
    const numbers = (): number[] => new Array<number>(COUNT).fill(FROM_THE_START)
    this.#state =
      text === undefined
        ? {
            ...{ complete: numbers(), recovered: numbers(), incarnation: '' },
            recoveredFirst: numbers(),
            seen: undefined,
          }
        : parseState(text)
    this.look()
  }

  /**
   * Compares with the layouts of now.
   *
   * @returns partitions to be emptied before anything is answered for them, and those whose rows
   *   are to go because this node owns them no longer, until they are known to be gone
   */
  look(): { readonly gained: readonly number[]; readonly lost: readonly number[] } {
    const history = this.#cluster.history()
    this.#gained.clear()
    this.#mute = this.#muteIn(history)
    if (history === undefined) return { gained: [], lost: [] }
    const lost: number[] = []
    for (let partition = 0; partition < COUNT; partition += 1) {
      const isOwned = isOwnedIn(history, partition, this.#cluster.self)
      const complete = this.#state.complete[partition]!
      const isHeld = complete >= FROM_THE_START && !this.#hasGap(history, partition)
      if (isOwned && !isHeld) this.#gained.add(partition)
      if (!isOwned && complete !== GONE) lost.push(partition)
    }
    return { gained: [...this.#gained], lost }
  }

  /**
   * Whether layouts may have come and gone, since it last looked, in which this node did not own what
   * it owns now: it was away while the partition was taken from it and given back. Nobody asked it
   * then before tombstones went. (Who stores in the oldest active layout was waited for all along.)
   */
  #hasGap(history: LayoutHistory, partition: number): boolean {
    const { seen } = this.#state
    if (!this.#rules.noticesGaps || seen === undefined) return false
    if (newestLayout(history).version === seen) return false
    const owned = history.active.filter((each) => isOwnerIn(each, partition, this.#cluster.self))
    return owned.length > 0 && owned[0] !== history.active[0] && owned[0]!.version > seen
  }

  /**
   * Notes what of this follows from the layouts of now, all at once: whatever is not this node's to
   * keep stays so, though further layouts give it back before it was thrown away.
   */
  async note(): Promise<void> {
    const history = this.#cluster.history()
    if (history === undefined || this.isNoted()) return
    const seen = newestLayout(history).version
    const { gained, lost } = this.look()
    const complete = [...this.#state.complete]
    for (const each of [...gained, ...lost]) complete[each] = Math.min(complete[each]!, GIVEN_UP)
    await this.#put({ ...this.#state, complete, incarnation: this.#incarnationNow(), seen })
  }

  /** Whether that is done for the layouts of now. */
  isNoted(): boolean {
    const history = this.#cluster.history()
    // Whoever stands alone has nothing to lose to others, and may have a database that is only read.
    if (history === undefined || isAlone(history)) return true
    return newestLayout(history).version === this.#state.seen
  }

  /** @throws {TableError} `NotReady` while there is a partition that was gained and not emptied yet */
  assertHeldEverywhere(): void {
    for (const partition of this.#gained) this.assertHeld(partition)
  }

  /** @throws {TableError} `NotReady` for a partition that was gained and not emptied yet */
  assertHeld(partition: number): void {
    if (this.#gained.size > 0 && this.#gained.has(partition)) {
      throw new TableError('NotReady', `Cannot answer for partition ${partition} yet`)
    }
  }

  /**
   * Whether what this node says of a partition counts: first in tables without a veto, since what
   * keeps the others from coming here may wait for that.
   */
  votes(partition: number, hasVeto: boolean): boolean {
    if (this.#mute === undefined) return false
    if (!this.#mute.has(partition)) return true
    return !hasVeto && this.isRecoveredFirst(partition)
  }

  /** @throws {TableError} `Recovering` */
  assertVotes(partition: number, hasVeto: boolean): void {
    if (!this.votes(partition, hasVeto)) throw recovering(partition)
  }

  /** @throws {TableError} `Recovering` while there is a partition in which it has no vote */
  assertVotesEverywhere(): void {
    if (this.#mute === undefined || this.#mute.size > 0) throw recovering(undefined)
  }

  /** The database is not the one that last said what lies here, and nobody else knows of that. */
  get isSuspect(): boolean {
    const { incarnation } = this.#state
    return incarnation !== '' && incarnation !== this.#incarnation
  }

  /**
   * The database is known to have lost rows: it has no vote before it was let in again.
   *
   * @param incarnation its life from now on; absent: that of the start
   */
  async suspect(incarnation = this.#incarnation): Promise<void> {
    this.#incarnation = incarnation
    this.look()
    await this.#put({ ...this.#state, incarnation: LOST })
  }

  /** Partitions that wait for a vote, once this node was let in again; empty while it was not. */
  recovering(): readonly number[] {
    return [...(this.#mute ?? [])]
  }

  /** Partitions that it owns without a vote, those included in which nothing lets it in yet. */
  voteless(): number {
    if (this.#mute !== undefined) return this.#mute.size
    const history = this.#cluster.history()
    const { self } = this.#cluster
    let count = 0
    for (let partition = 0; history !== undefined && partition < COUNT; partition += 1) {
      if (isOwnedIn(history, partition, self)) count += 1
    }
    return count
  }

  /** Before their rows are thrown away: whatever of that is cut off is gone on with. */
  giveUp(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) this.#anew.delete(partition)
    return this.#set(partitions, { complete: GIVEN_UP })
  }

  /** Nothing lies here any more of what was given up. */
  gone(partitions: readonly number[]): Promise<void> {
    return this.#set(partitions, { complete: GONE })
  }

  /**
   * They were emptied: from now on rows may come. Where layouts came since that was noted they may have
   * to go again, and what comes to lie there would go with them: such a one is not taken yet.
   */
  async take(partitions: readonly number[]): Promise<void> {
    const readmittedAt = this.#readmittedAt()
    await this.#set(partitions, {
      complete: FROM_THE_START,
      ...(this.#hasActedSince(readmittedAt) ? { recovered: readmittedAt } : {}),
    })
    for (const partition of partitions) if (!this.#gained.has(partition)) this.#anew.add(partition)
  }

  /**
   * Whether a partition was taken since this process started: so nothing was promised in it before,
   * but as an owner in layouts that are over, or in this one before a life that forgot it again: there
   * the owners of the older one are still asked too, and it counted as complete for nobody.
   */
  isAnew(partition: number): boolean {
    return this.#anew.has(partition)
  }

  /**
   * Whether what is gained now was gained after that re-admission. The layout that this node learns
   * with it may be one in which the old database voted already, of which an older copy of its folders
   * knows nothing.
   */
  #hasActedSince(readmittedAt: number): boolean {
    return readmittedAt === 0 || this.#state.recovered.some((each) => each >= readmittedAt)
  }

  /** Everything of them is here, as of layout `version`. */
  completed(partitions: readonly number[], version: number): Promise<void> {
    return this.#set(partitions, { complete: version })
  }

  /**
   * Every other owner was copied from after all had confirmed this node's re-admission. What the row
   * of an older copy says of layouts was of other rows: their blocks are looked for again.
   */
  recovered(partitions: readonly number[], readmittedAt: number): Promise<void> {
    const held = partitions.filter((each) => this.#state.complete[each]! > FROM_THE_START)
    return this.#set(held, { complete: FROM_THE_START }).then(() =>
      this.#set(partitions, { recovered: readmittedAt }),
    )
  }

  /**
   * As `recovered`, of tables without a veto alone: from then on it votes there, so that none of its
   * rows may be thrown away any more, nor after a restart.
   */
  recoveredFirst(partitions: readonly number[], readmittedAt: number): Promise<void> {
    const added = partitions.filter((partition) => !this.isRecoveredFirst(partition))
    return this.#set(added, { recoveredFirst: readmittedAt })
  }

  isRecoveredFirst(partition: number): boolean {
    const readmittedAt = this.#readmittedAt()
    return readmittedAt > 0 && this.#state.recoveredFirst[partition]! >= readmittedAt
  }

  /** Partitions that this node owns in a layout and does not hold whole as of it. */
  incomplete(history: LayoutHistory, version: number): number[] {
    const layout = history.active.find((each) => each.version === version)
    const found: number[] = []
    for (let partition = 0; layout !== undefined && partition < COUNT; partition += 1) {
      if (this.#state.complete[partition]! >= version) continue
      if (isOwnerIn(layout, partition, this.#cluster.self)) found.push(partition)
    }
    return found
  }

  /**
   * Up to which active layout everything that this node owns is here; none while it waits for a vote:
   * reads would move to it, and those that it still has to copy from throw their rows away.
   */
  completeTo(): number {
    if (this.#mute === undefined || this.#mute.size > 0) return 0
    const history = this.#cluster.history()
    let version = 0
    for (const layout of history?.active ?? []) {
      if (this.incomplete(history!, layout.version).length > 0) break
      version = layout.version
    }
    return version
  }

  /** Undefined: no vote anywhere. */
  #muteIn(history: LayoutHistory | undefined): ReadonlySet<number> | undefined {
    const known = history?.nodes.get(this.#cluster.self)
    // Nobody else could say more than a node that stands alone.
    if (history === undefined || known === undefined || isAlone(history)) return new Set()
    if (!this.#rules.mutesLost) return new Set()
    const { incarnation, isLost, readmittedAt } = known
    if (isLost) return undefined
    if (incarnation === undefined ? this.isSuspect : incarnation !== this.#incarnation) {
      // Of one that stores alone an operator has accepted the loss, and it lets itself in.
      return storesAlone(history, this.#cluster.self) ? new Set() : undefined
    }
    const mute = new Set<number>()
    for (let partition = 0; readmittedAt > 0 && partition < COUNT; partition += 1) {
      if (this.#state.recovered[partition]! >= readmittedAt) continue
      if (isOwnedIn(history, partition, this.#cluster.self)) mute.add(partition)
    }
    return mute
  }

  #readmittedAt(): number {
    const { self } = this.#cluster
    return this.#cluster.history()?.nodes.get(self)?.readmittedAt ?? FROM_THE_START
  }

  async #set(
    partitions: readonly number[],
    values: Readonly<Partial<Record<'complete' | 'recovered' | 'recoveredFirst', number>>>,
  ): Promise<void> {
    if (partitions.length === 0) return
    const complete = [...this.#state.complete]
    const recovered = [...this.#state.recovered]
    const recoveredFirst = [...this.#state.recoveredFirst]
    for (const partition of partitions) {
      if (values.complete !== undefined) complete[partition] = values.complete
      if (values.recovered !== undefined) recovered[partition] = values.recovered
      if (values.recoveredFirst !== undefined) recoveredFirst[partition] = values.recoveredFirst
    }
    const { seen } = this.#state
    const incarnation = this.#incarnationNow()
    await this.#put({ complete, recovered, incarnation, recoveredFirst, seen })
  }

  /** Once it was let in again, that is known; until then the row keeps what it was suspected by. */
  #incarnationNow(): string {
    return this.isSuspect && this.#mute === undefined ? this.#state.incarnation : this.#incarnation
  }

  async #put(next: State): Promise<void> {
    await this.#db.write((batch) => batch.put(stateTree, CUSTODY_KEY, stateText(next)))
    this.#state = next
    this.look()
  }
}

export function recovering(partition: number | undefined): TableError {
  const where = partition === undefined ? 'Cannot answer' : `Cannot vote in partition ${partition}`
  return new TableError('Recovering', `${where}: the database of this node lost rows`)
}

/**
 * For each partition whether its rows are the node's to keep, as the row of custody says.
 *
 * @throws {TypeError} when it is not what `Custody` writes
 */
export function heldIn(text: string): readonly boolean[] {
  return parseState(text).complete.map((version) => version >= FROM_THE_START)
}

function isOwnedIn(history: LayoutHistory, partition: number, self: NodeId): boolean {
  return history.active.some((layout) => isOwnerIn(layout, partition, self))
}

function stateText({ complete, recovered, incarnation, recoveredFirst, seen }: State): string {
  const lines = [
    complete,
    recovered,
    [incarnation],
    recoveredFirst,
    seen === undefined ? [] : [seen],
  ]
  return lines.map((line) => line.join(' ')).join('\n')
}

/** @throws {TypeError} when it is not what `Custody` writes */
function parseState(text: string): State {
  const [complete, recovered, incarnation, first, seen = ''] = text.split('\n')
  return {
    complete: parseNumbers(complete),
    recovered: parseNumbers(recovered),
    incarnation: incarnation ?? '',
    recoveredFirst:
      first === undefined ? new Array<number>(COUNT).fill(FROM_THE_START) : parseNumbers(first),
    // Rows of earlier builds have no such line.
    seen: seen === '' ? undefined : Number(seen),
  }
}

function parseNumbers(line: string | undefined): number[] {
  const numbers = (line ?? '').split(' ').map(Number)
  if (numbers.length !== COUNT || numbers.some((each) => !Number.isSafeInteger(each))) {
    throw new TypeError('Cannot read which partitions lie here: the row is damaged')
  }
  return numbers
}
