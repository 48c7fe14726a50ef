/**
 * The worker that follows a change of layout with the rows: empties what this node has gained,
 * gathers it from the owners of the older layouts, and throws away what it owns no longer.
 */

import { DomainError } from '../../base/errors.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import { LAYOUT_PARTITION, quorumOf, type Cluster } from '../../cluster/cluster.ts'
import { newestLayout, type LayoutHistory } from '../../cluster/layout/history.ts'
import { fewestOwners, isOwnerIn, ownersIn, type Layout } from '../../cluster/layout/layout.ts'
import { ackedVersion } from '../../cluster/layout/trackers.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import type { Custody } from '../custody.ts'
import type { Rules } from '../rules.ts'
import type { PullWish, SyncReport } from './puller.ts'

export interface GatherOptions {
  readonly cluster: Cluster
  readonly custody: Custody
  readonly rules: Pick<Rules, 'emptiesGained' | 'gathers' | 'recoversFrom'>
  readonly log: Log
  readonly intervalMs: number
  /** Throws every row of the partitions away that lies here. */
  readonly empty: (partitions: readonly number[], signal: AbortSignal) => Promise<void>
  /** Copies here what `peer` holds of them. */
  readonly pull: (
    peer: NodeId,
    signal: AbortSignal,
    wish: PullWish,
  ) => Promise<Pick<SyncReport, 'keptIn'>>
  /** Those of the partitions whose blocks are all here. */
  readonly withBlocks: (partitions: readonly number[]) => Promise<readonly number[]>
  /** Asks every other owner whether it refuses epochs with fewer re-admissions. */
  readonly isConfirmed: (readmissions: number) => Promise<boolean>
  /** Told when `custody.completeTo()` may have risen. */
  readonly progressed: () => void
}

export class GatherWorker implements Worker {
  readonly name = 'table-gather'
  readonly tranquility = 0
  readonly intervalMs: number
  readonly #options: GatherOptions
  /** Since all had acknowledged this layout, and while this one was the oldest active. */
  readonly #gathered = new Copied()
  #version = 0
  #oldest = 0
  /** Since this node's re-admission of this number was confirmed. */
  readonly #recovered = new Copied()
  #readmittedAt = 0
  /** Who said when it was last asked that it has no vote either. */
  readonly #voteless = new Set<NodeId>()
  /** Partitions of which nothing is left that the old database held; of the layout nothing goes. */
  #forgotten = new Set<number>()

  constructor(options: GatherOptions) {
    this.#options = options
    this.intervalMs = options.intervalMs
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    const { cluster, custody, empty, rules } = this.#options
    await custody.note()
    const { gained, lost } = custody.look()
    if (lost.length > 0) {
      await custody.giveUp(lost)
      if (rules.emptiesGained) await empty(lost, signal)
      await custody.gone(lost)
    }
    if (gained.length > 0) {
      if (rules.emptiesGained) await empty(gained, signal)
      if (!custody.isNoted()) return 'busy'
      await custody.take(gained)
      // What was copied of them before is gone.
      this.#gathered.clear()
      this.#recovered.clear()
    }
    const history = cluster.history()
    if (history === undefined) return 'idle'
    // Layouts came while it emptied: of what they took and gave back nothing may count as gathered.
    if (!custody.isNoted()) return 'busy'
    await this.#recover(history, signal)
    await this.#gather(history, signal)
    return 'idle'
  }

  /**
   * After a loss of rows: from every other owner, one is not enough, nor a quorum; each after all
   * have confirmed that they refuse what the old database was part of.
   */
  async #recover(history: LayoutHistory, signal: AbortSignal): Promise<void> {
    const { cluster, custody } = this.#options
    const missing = custody.recovering()
    if (missing.length === 0) return
    const { readmittedAt } = history.nodes.get(cluster.self)!
    if (!(await this.#options.isConfirmed(readmittedAt))) return
    if (readmittedAt !== this.#readmittedAt) {
      this.#readmittedAt = readmittedAt
      this.#recovered.clear()
      this.#forgotten = new Set([LAYOUT_PARTITION])
    }
    this.#voteless.clear()
    const first = await this.#recoverTables(history, missing, { hasVeto: false, signal })
    // Where it votes already nothing may go: it has been counted with what it holds there.
    const isOld = (each: number): boolean =>
      !this.#forgotten.has(each) && !custody.isRecoveredFirst(each)
    const old = this.#mayForget(history) ? first.filter(isOld) : []
    if (old.length > 0) return this.#forget(old, signal)
    await custody.recoveredFirst(first, readmittedAt)
    const whole = await this.#recoverTables(history, first, { hasVeto: true, signal })
    await custody.recovered(whole, readmittedAt)
  }

  /** @returns those of the partitions that all others were copied from */
  async #recoverTables(
    history: LayoutHistory,
    partitions: readonly number[],
    work: { readonly hasVeto: boolean; readonly signal: AbortSignal },
  ): Promise<readonly number[]> {
    const { hasVeto, signal } = work
    const others = new Map(partitions.map((each) => [each, this.#others(history, each)]))
    for (const peer of new Set([...others.values()].flat())) {
      const wanted = partitions.filter(
        (each) => others.get(each)!.includes(peer) && !this.#recovered.has(hasVeto, each, peer),
      )
      await this.#copyFrom(peer, wanted, { history, copied: this.#recovered, hasVeto, signal })
    }
    return partitions.filter((each) => {
      const isHeard = (node: NodeId): boolean => this.#recovered.has(hasVeto, each, node)
      const { recoversFrom } = this.#options.rules
      if (recoversFrom === 'one') return others.get(each)!.some(isHeard)
      return others.get(each)!.every(isHeard) || this.#isRestEnough(history, each, others, isHeard)
    })
  }

  /**
   * Whether those that lost their rows too, this node among them, are no quorum of any list: then
   * one of the others holds whatever was chosen, and all of these were copied from. (Else two would
   * wait for one another, if only for the register of the layout, which all that store have.)
   */
  #isRestEnough(
    history: LayoutHistory,
    partition: number,
    others: ReadonlyMap<number, readonly NodeId[]>,
    isHeard: (node: NodeId) => boolean,
  ): boolean {
    const isKnown = (node: NodeId): boolean => isHeard(node) || this.#voteless.has(node)
    if (!others.get(partition)!.every(isKnown)) return false
    return history.active.every((layout) => {
      const owners = keepersIn(history, layout, partition)
      return owners.length - owners.filter(isHeard).length < quorumOf(owners)
    })
  }

  /** What was ever chosen another owner holds too, unless it is lost itself or there is none. */
  #mayForget(history: LayoutHistory): boolean {
    const isAnyLost = [...history.nodes.values()].some(({ isLost }) => isLost)
    return !isAnyLost && history.active.every((layout) => fewestOwners(layout) > 1)
  }

  /**
   * An old database may hold rows whose tombstones all owners have let go since: nobody would
   * outrank them. Once all others have shown that they are there and vote, what this node has goes,
   * and is copied from all of them again.
   */
  async #forget(partitions: readonly number[], signal: AbortSignal): Promise<void> {
    await this.#options.empty(partitions, signal)
    for (const partition of partitions) this.#forgotten.add(partition)
    this.#recovered.clear()
  }

  /** Other owners of the partition, in any active layout, that are not lost. */
  #others(history: LayoutHistory, partition: number): readonly NodeId[] {
    const nodes = new Set<NodeId>()
    for (const layout of history.active) {
      for (const node of ownersIn(layout, partition)) nodes.add(node)
    }
    nodes.delete(this.#options.cluster.self)
    return [...nodes].filter((node) => history.nodes.get(node)?.isLost !== true)
  }

  /** Notes of which partitions all came: what a veto keeps out is asked for again. */
  async #copyFrom(
    peer: NodeId,
    partitions: readonly number[],
    work: {
      readonly history: LayoutHistory
      readonly copied: Copied
      readonly hasVeto: boolean
      readonly signal: AbortSignal
    },
  ): Promise<void> {
    const { cluster, pull, log } = this.#options
    const { history, copied, hasVeto, signal } = work
    if (partitions.length === 0 || !isSameActive(history, cluster.history())) return
    signal.throwIfAborted()
    const wanted = new Set(partitions)
    try {
      const isWanted = (partition: number): boolean => wanted.has(partition)
      // Whoever gains a partition votes at once: under floors that came before its registers each of these would
      // be settled by a ballot.
      const floors = hasVeto || copied === this.#recovered
      const { keptIn } = await pull(peer, signal, { isWanted, hasVeto, floors })
      // What is shared no longer once a layout has retired was left out, or half of it was.
      if (!isSameActive(history, cluster.history())) return
      if (keptIn.size > 0) {
        log.debug({ peer, count: keptIn.size }, 'A veto keeps rows of partitions out for now')
      }
      for (const partition of wanted) {
        if (!keptIn.has(partition)) copied.add(hasVeto, partition, peer)
      }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (error.code === 'Recovering') this.#voteless.add(peer)
      log.debug({ peer, code: String(error.code) }, 'An owner could not be copied from yet')
    }
  }

  /** What was gathered before every node had acknowledged may lack what was written meanwhile. */
  async #gather(history: LayoutHistory, signal: AbortSignal): Promise<void> {
    const { custody } = this.#options
    const { version } = newestLayout(history)
    if (ackedVersion(history) < version) return
    const oldest = history.active[0]!.version
    if (version !== this.#version || oldest !== this.#oldest) {
      this.#version = version
      // Owners of a layout in between had not gathered themselves, perhaps, when they were copied.
      this.#oldest = oldest
      this.#gathered.clear()
    }
    const before = custody.completeTo()
    // An older layout that is still active is as complete as the newest will be.
    const missing = [
      ...new Set(history.active.flatMap((layout) => custody.incomplete(history, layout.version))),
    ]
    if (missing.length === 0) return
    const first = await this.#gatherTables(history, missing, { hasVeto: false, signal })
    const whole = await this.#gatherTables(history, first, { hasVeto: true, signal })
    const complete = await this.#options.withBlocks(whole)
    await custody.completed(complete, version)
    if (custody.completeTo() > before) this.#options.progressed()
  }

  /** @returns those of the partitions that quorums were copied from */
  async #gatherTables(
    history: LayoutHistory,
    partitions: readonly number[],
    work: { readonly hasVeto: boolean; readonly signal: AbortSignal },
  ): Promise<readonly number[]> {
    const { hasVeto, signal } = work
    for (const peer of this.#sources(history, partitions)) {
      const wanted = partitions.filter(
        (partition) =>
          !this.#isHeard(history, partition, hasVeto) && isOwnerBefore(history, partition, peer),
      )
      await this.#copyFrom(peer, wanted, { history, copied: this.#gathered, hasVeto, signal })
    }
    return partitions.filter((partition) => this.#isHeard(history, partition, hasVeto))
  }

  /** A quorum of the owners in every older layout was copied from; this node counts if it is one. */
  #isHeard(history: LayoutHistory, partition: number, hasVeto: boolean): boolean {
    if (!this.#options.rules.gathers) return true
    const { self } = this.#options.cluster
    return olderLayouts(history).every((layout) => {
      const owners = keepersIn(history, layout, partition)
      if (isPassedOver(history, layout, owners)) return true
      const count = owners.filter(
        (node) => node === self || this.#gathered.has(hasVeto, partition, node),
      ).length
      return count >= quorumOf(owners)
    })
  }

  #sources(history: LayoutHistory, partitions: readonly number[]): readonly NodeId[] {
    const { self } = this.#options.cluster
    const nodes = new Set<NodeId>()
    for (const layout of olderLayouts(history)) {
      for (const partition of partitions) {
        for (const node of ownersIn(layout, partition)) nodes.add(node)
      }
    }
    nodes.delete(self)
    return [...nodes].filter((node) => history.nodes.get(node)?.isLost !== true)
  }
}

/**
 * Whom this node has copied from, by partition. Tables without a veto come first, from everybody:
 * the others are taken by what lies here of those, so that a row which one owner has, and others
 * refuse for ever or for now, is refused here too.
 */
class Copied {
  readonly #first = new Map<number, Set<NodeId>>()
  readonly #others = new Map<number, Set<NodeId>>()

  add(hasVeto: boolean, partition: number, node: NodeId): void {
    const nodes = this.#of(hasVeto)
    nodes.set(partition, (nodes.get(partition) ?? new Set()).add(node))
  }

  has(hasVeto: boolean, partition: number, node: NodeId): boolean {
    return this.#of(hasVeto).get(partition)?.has(node) === true
  }

  clear(): void {
    this.#first.clear()
    this.#others.clear()
  }

  #of(hasVeto: boolean): Map<number, Set<NodeId>> {
    return hasVeto ? this.#others : this.#first
  }
}

/**
 * Owners of whom a quorum holds whatever was chosen: of the layout's own partition those that are not
 * lost, as its changes ask for them. (Else two nodes of a zone that were declared lost, of four that
 * store, would hold up every further change, though each partition of rows has lost but one owner.)
 */
function keepersIn(history: LayoutHistory, layout: Layout, partition: number): readonly NodeId[] {
  const owners = ownersIn(layout, partition)
  if (partition !== LAYOUT_PARTITION) return owners
  return owners.filter((node) => history.nodes.get(node)?.isLost !== true)
}

/** Whether the same layouts are active. */
function isSameActive({ active }: LayoutHistory, now: LayoutHistory | undefined): boolean {
  return (
    now?.active.length === active.length &&
    now.active.every(({ version }, index) => version === active[index]!.version)
  )
}

function olderLayouts(history: LayoutHistory): LayoutHistory['active'] {
  const { version } = newestLayout(history)
  return history.active.filter((layout) => layout.version < version)
}

/**
 * Whether a layout in between has lost its quorum of a partition to nodes that are lost. It was never
 * read, and reads do not move there: so it has shown nothing, and what was chosen lies with a quorum of
 * those that are read as well. (Else a change begun while a node was down would hang once it is lost.)
 */
function isPassedOver(history: LayoutHistory, layout: Layout, owners: readonly NodeId[]): boolean {
  if (layout.version <= history.readVersion) return false
  const left = owners.filter((node) => history.nodes.get(node)?.isLost !== true)
  return left.length < quorumOf(owners)
}

function isOwnerBefore(history: LayoutHistory, partition: number, node: NodeId): boolean {
  return olderLayouts(history).some((layout) => isOwnerIn(layout, partition, node))
}
