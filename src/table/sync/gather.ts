/**
 * The worker that follows a change of layout with the rows: empties what this node has gained,
 * gathers it from the owners of the older layouts, and throws away what it owns no longer.
 */

import { DomainError } from '../../base/errors.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import { LAYOUT_PARTITION, quorumOf, type Cluster } from '../../cluster/cluster.ts'
import { newestLayout, type LayoutHistory } from '../../cluster/layout/history.ts'
import { fewestOwners, isOwnerIn, ownersIn } from '../../cluster/layout/layout.ts'
import { ackedVersion } from '../../cluster/layout/trackers.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import type { Custody } from '../custody.ts'
import type { Rules } from '../rules.ts'

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
    isWanted: (partition: number) => boolean,
  ) => Promise<unknown>
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
  /** Whom this node has copied from since all had acknowledged this layout, by partition. */
  #heard = new Map<number, Set<NodeId>>()
  #version = 0
  /** Whom this node has copied from since its re-admission of this number was confirmed. */
  readonly #recoveredFrom = new Set<NodeId>()
  #readmittedAt = 0
  /** Partitions of which nothing is left that the old database held; of the layout nothing goes. */
  #forgotten = new Set<number>()

  constructor(options: GatherOptions) {
    this.#options = options
    this.intervalMs = options.intervalMs
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    const { cluster, custody, empty, rules } = this.#options
    const { gained, lost } = custody.look()
    if (lost.length > 0) {
      await custody.giveUp(lost)
      if (rules.emptiesGained) await empty(lost, signal)
      await custody.gone(lost)
    }
    if (gained.length > 0) {
      if (rules.emptiesGained) await empty(gained, signal)
      await custody.take(gained)
    }
    const history = cluster.history()
    if (history === undefined) return 'idle'
    await this.#recover(history, signal)
    await this.#gather(history, signal)
    return 'idle'
  }

  /**
   * After a loss of rows: from every other owner, one is not enough, nor a quorum; each after all
   * have confirmed that they refuse what the old database was part of.
   */
  async #recover(history: LayoutHistory, signal: AbortSignal): Promise<void> {
    const { cluster, custody, rules } = this.#options
    const missing = custody.recovering()
    if (missing.length === 0) return
    const { readmittedAt } = history.nodes.get(cluster.self)!
    if (!(await this.#options.isConfirmed(readmittedAt))) return
    if (readmittedAt !== this.#readmittedAt) {
      this.#readmittedAt = readmittedAt
      this.#recoveredFrom.clear()
      this.#forgotten = new Set([LAYOUT_PARTITION])
    }
    for (const peer of this.#others(history, missing)) {
      if (this.#recoveredFrom.has(peer)) continue
      const isWanted = (partition: number): boolean => missing.includes(partition)
      if (await this.#pullFrom(peer, { signal, isWanted })) this.#recoveredFrom.add(peer)
    }
    const whole = missing.filter((partition) => {
      const others = this.#others(history, [partition])
      const heard = others.filter((node) => this.#recoveredFrom.has(node)).length
      return rules.recoversFrom === 'all' ? heard === others.length : heard >= 1
    })
    const old = this.#mayForget(history) ? whole.filter((each) => !this.#forgotten.has(each)) : []
    if (old.length > 0) await this.#forget(old, signal)
    else await custody.recovered(whole, readmittedAt)
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
    this.#recoveredFrom.clear()
  }

  /** Other owners of any of the partitions, in any active layout, that are not lost. */
  #others(history: LayoutHistory, partitions: readonly number[]): readonly NodeId[] {
    const nodes = new Set<NodeId>()
    for (const layout of history.active) {
      for (const partition of partitions) {
        for (const node of ownersIn(layout, partition)) nodes.add(node)
      }
    }
    nodes.delete(this.#options.cluster.self)
    return [...nodes].filter((node) => history.nodes.get(node)?.isLost !== true)
  }

  async #pullFrom(
    peer: NodeId,
    work: { readonly signal: AbortSignal; readonly isWanted: (partition: number) => boolean },
  ): Promise<boolean> {
    const { pull, log } = this.#options
    work.signal.throwIfAborted()
    try {
      await pull(peer, work.signal, work.isWanted)
      return true
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      log.debug({ peer, code: String(error.code) }, 'An owner could not be copied from yet')
      return false
    }
  }

  /** What was gathered before every node had acknowledged may lack what was written meanwhile. */
  async #gather(history: LayoutHistory, signal: AbortSignal): Promise<void> {
    const { custody } = this.#options
    const { version } = newestLayout(history)
    if (ackedVersion(history) < version) return
    if (version !== this.#version) {
      this.#version = version
      this.#heard = new Map()
    }
    const before = custody.completeTo()
    // An older layout that is still active is as complete as the newest will be.
    const missing = new Set(
      history.active.flatMap((layout) => custody.incomplete(history, layout.version)),
    )
    if (missing.size === 0) return
    await this.#copy(history, missing, signal)
    const whole = [...missing].filter((partition) => this.#isHeard(history, partition))
    const complete = await this.#options.withBlocks(whole)
    await custody.completed(complete, version)
    if (custody.completeTo() > before) this.#options.progressed()
  }

  async #copy(
    history: LayoutHistory,
    missing: ReadonlySet<number>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const peer of this.#sources(history, missing)) {
      const wanted = new Set(
        [...missing].filter(
          (partition) =>
            !this.#isHeard(history, partition) && isOwnerBefore(history, partition, peer),
        ),
      )
      if (wanted.size === 0) continue
      const isWanted = (partition: number): boolean => wanted.has(partition)
      if (!(await this.#pullFrom(peer, { signal, isWanted }))) continue
      for (const partition of wanted) {
        const heard = this.#heard.get(partition) ?? new Set()
        this.#heard.set(partition, heard.add(peer))
      }
    }
  }

  /** A quorum of the owners in every older layout was copied from; this node counts if it is one. */
  #isHeard(history: LayoutHistory, partition: number): boolean {
    if (!this.#options.rules.gathers) return true
    const { self } = this.#options.cluster
    const heard = this.#heard.get(partition)
    return olderLayouts(history).every((layout) => {
      const owners = ownersIn(layout, partition)
      const count = owners.filter((node) => node === self || heard?.has(node) === true).length
      return count >= quorumOf(owners)
    })
  }

  #sources(history: LayoutHistory, missing: ReadonlySet<number>): readonly NodeId[] {
    const { self } = this.#options.cluster
    const nodes = new Set<NodeId>()
    for (const layout of olderLayouts(history)) {
      for (const partition of missing) {
        for (const node of ownersIn(layout, partition)) nodes.add(node)
      }
    }
    nodes.delete(self)
    return [...nodes]
  }
}

function olderLayouts(history: LayoutHistory): LayoutHistory['active'] {
  const { version } = newestLayout(history)
  return history.active.filter((layout) => layout.version < version)
}

function isOwnerBefore(history: LayoutHistory, partition: number, node: NodeId): boolean {
  return olderLayouts(history).some((layout) => isOwnerIn(layout, partition, node))
}
