/** What this node knows of the layout, and what follows from it at once: epoch, owners, readers. */

import { compareEpochs, type Epoch } from '../base/ballot.ts'
import type { NodeId } from '../base/ids.ts'
import { LAYOUT_PARTITION, PARTITION_COUNT, type Cluster } from './cluster.ts'
import { ClusterError } from './errors.ts'
import { letGo, take, type FirstLayout, type Holding, type Ticket } from './layout/first.ts'
import { filledUp } from './layout/giving-up.ts'
import {
  epochOf,
  nothingStaged,
  readLayout,
  storageOf,
  type LayoutHistory,
  type Staged,
} from './layout/history.ts'
import { ownersIn, type Layout } from './layout/layout.ts'
import {
  decodeHistory,
  decodeStaged,
  encodeHistory,
  encodeStaged,
  type StoredHistory,
} from './layout/stored.ts'
import { isAlone, loneHistory } from './lone.ts'

/** What outlives the process, as plain data for a state file. */
export interface StoredMembers {
  /** Of the cluster that it has joined; null while it may join any. */
  readonly clusterId: string | null
  readonly history: StoredHistory | null
  /** The first layout that this node holds, until it counts. */
  readonly first: { readonly ticket: number; readonly history: StoredHistory } | null
  readonly floor: Ticket | null
  /** Wishes of a node that has no register to keep them in. */
  readonly staged: StoredHistory['staged']
}

export interface MembersOptions {
  readonly self: NodeId
  /** As `persist` was last given; undefined of a node that has none. */
  readonly stored: StoredMembers | undefined
  /** It has factor 1 and knows of no peers: without a layout it stands alone. */
  readonly lone: boolean
  /** Its own, until it takes that of a layout. */
  readonly clusterId: string
  /** Whether it holds no row at all: only then may it take another cluster's id. */
  readonly isEmpty: () => boolean
  /** Resolves when the state will survive a crash. */
  readonly persist: (state: StoredMembers) => Promise<void>
  /** What `NoLayout` says. */
  readonly sentence?: string
}

export interface Members extends Cluster {
  /** Of the cluster that this node belongs to. */
  clusterId(): string
  /** Stands alone and holds nothing, or has no layout: it may take a first one. */
  mayJoin(): boolean
  /** Resolves when what is known now will survive a crash: before it nothing is confirmed. */
  stable(): Promise<void>
  /** Called when a peer lives in a newer epoch. */
  onBehind(listener: (peer: NodeId) => void): void
  /**
   * Leaves nodes out of the owners of the layout register: one whose database is known to be gone,
   * so that a cluster of two can let it in again, or those that an operator gives up. One that was
   * let in is not left out any more as soon as this is learned: nobody votes before all have.
   *
   * @param wants `all`: every other one must agree
   */
  setAside(nodes: readonly NodeId[], wants?: 'all'): void
  /** The first layout that is held and does not count yet. */
  first(): FirstLayout | undefined
  /** The highest ticket ever held. */
  floor(): Ticket | undefined
  /**
   * Takes a first layout if the rules let it; resolves when that will survive a crash.
   *
   * @returns what is held now
   */
  takeFirst(first: FirstLayout, holder: NodeId | undefined): Promise<FirstLayout | undefined>
  /** Lets go of a first layout that can never count. */
  letGoOfFirst(first: FirstLayout): void
  /** Wishes for the first layout. */
  draft(): Staged
  setDraft(staged: Staged): void
}

/** A node's lists of owners, made once for each change of the layout. */
interface Lists {
  readonly epoch: Epoch
  /** By partition. */
  readonly owners: readonly (readonly (readonly NodeId[])[])[]
  readonly readers: readonly (readonly NodeId[])[]
}

/**
 * @throws {ClusterError} `BadHistory` when what is stored cannot be read
 */
export function openMembers(options: MembersOptions): Members {
  return new NodeMembers(options)
}

class NodeMembers implements Members {
  readonly self: NodeId
  readonly #options: MembersOptions
  readonly #changed: (() => void)[] = []
  readonly #behind: ((peer: NodeId) => void)[] = []
  #history: LayoutHistory | undefined
  /** The cluster that it has joined, and the one that it would have joined after a crash now. */
  #joined: string | undefined
  #durable: string | undefined
  #lists: Lists | undefined
  #holding: Holding
  #draft: Staged
  #aside: Aside
  #persisting: Promise<void> | undefined
  /** Counts changes of what is persisted, and how many of them are. */
  #state = 0
  #persisted = 0

  constructor(options: MembersOptions) {
    const { self, stored } = options
    this.self = self
    this.#aside = { self, nodes: [] }
    this.#options = options
    this.#history = historyAtStart(options)
    this.#joined = stored?.clusterId ?? undefined
    this.#durable = this.#joined
    this.#holding = holdingOf(stored)
    this.#draft = stored === undefined ? nothingStaged : decodeStaged(stored.staged)
    this.#relist()
  }

  epoch(): Epoch {
    return this.#lists?.epoch ?? noEpoch
  }

  owners(partition: number): readonly (readonly NodeId[])[] {
    return this.#known().owners[partition]!
  }

  readers(partition: number): readonly NodeId[] {
    return this.#known().readers[partition]!
  }

  readVersion(): number {
    return this.#history?.readVersion ?? 0
  }

  heard(from: NodeId, epoch: Epoch): void {
    if (this.#lists !== undefined && compareEpochs(epoch, this.#lists.epoch) <= 0) return
    for (const listener of this.#behind) listener(from)
  }

  history(): LayoutHistory | undefined {
    return this.#history
  }

  learn(history: LayoutHistory): boolean {
    const known = this.#history
    if (known?.clusterId === history.clusterId) {
      if (history.revision <= known.revision) return false
      if (compareEpochs(epochOf(history), epochOf(known)) < 0) {
        throw new ClusterError('BadHistory', 'Cannot learn a layout: its epoch went back')
      }
    } else if (!this.#mayTakeIdOf(history)) {
      throw new ClusterError(
        'OtherCluster',
        `Cannot learn a layout of cluster "${history.clusterId}": this node is of another one`,
        { details: { clusterId: this.clusterId() } },
      )
    } else if (this.#holding.held === undefined && this.#isForeign(history)) {
      this.#join(history)
      return false
    }
    this.#joined = history.clusterId
    this.#holding = { ...this.#holding, held: undefined }
    this.#draft = nothingStaged
    this.#aside = stillAside(this.#aside, known, history)
    this.#become(history)
    return true
  }

  onChange(listener: () => void): void {
    this.#changed.push(listener)
  }

  clusterId(): string {
    return this.#joined ?? this.#options.clusterId
  }

  mayJoin(): boolean {
    const history = this.#history
    const isFree = history === undefined || (isAlone(history) && history.revision === 0)
    return isFree && this.#joined === undefined && this.#options.isEmpty()
  }

  async stable(): Promise<void> {
    while (this.#persisted < this.#state) {
      this.#persisting ??= this.#persist()
      await this.#persisting
    }
  }

  onBehind(listener: (peer: NodeId) => void): void {
    this.#behind.push(listener)
  }

  setAside(nodes: readonly NodeId[], wants?: 'all'): void {
    this.#aside = { self: this.self, nodes, wants }
    this.#relist()
  }

  first(): FirstLayout | undefined {
    return this.#holding.held
  }

  floor(): Ticket | undefined {
    return this.#holding.floor
  }

  async takeFirst(
    first: FirstLayout,
    holder: NodeId | undefined,
  ): Promise<FirstLayout | undefined> {
    if (this.mayJoin()) {
      const holding = take(this.#holding, { first, holder })
      if (holding !== this.#holding) {
        this.#holding = holding
        // It stands alone no longer, before anybody writes to it.
        this.#become(undefined)
      }
    }
    await this.stable()
    return this.#holding.held
  }

  letGoOfFirst(first: FirstLayout): void {
    this.#holding = letGo(this.#holding, first)
    this.#touch()
  }

  draft(): Staged {
    return this.#draft
  }

  setDraft(staged: Staged): void {
    this.#draft = staged
    this.#touch()
  }

  #known(): Lists {
    if (this.#lists !== undefined) return this.#lists
    throw new ClusterError(
      'NoLayout',
      this.#options.sentence ?? 'Cannot find the owners of anything: this node has no layout yet',
    )
  }

  /** Only who holds nothing, and holds no first layout of others, may take another's id. */
  #mayTakeIdOf({ clusterId }: LayoutHistory): boolean {
    const { held } = this.#holding
    if (held !== undefined) return held.history.clusterId === clusterId
    if (this.#joined !== undefined) return this.#joined === clusterId
    if (this.mayJoin()) return true
    return this.#history === undefined && this.#options.clusterId === clusterId
  }

  #isForeign({ clusterId }: LayoutHistory): boolean {
    return clusterId !== this.#options.clusterId && clusterId !== this.#durable
  }

  /** The id is durable before it counts: else rows could outlive it, and belong nowhere. */
  #join(history: LayoutHistory): void {
    this.#joined = history.clusterId
    this.#become(undefined)
    this.stable().then(
      () => this.learn(history),
      // Whoever follows the layout hears of it again.
      () => undefined,
    )
  }

  #become(history: LayoutHistory | undefined): void {
    this.#history = history
    this.#relist()
    this.#touch()
    for (const listener of this.#changed) listener()
  }

  #touch(): void {
    this.#state += 1
    // Who needs it to be durable waits for `stable`, and tries again.
    this.stable().catch(() => undefined)
  }

  async #persist(): Promise<void> {
    const state = this.#state
    const joined = this.#joined
    const { held, floor } = this.#holding
    try {
      await this.#options.persist({
        clusterId: joined ?? null,
        history: this.#history === undefined ? null : encodeHistory(this.#history),
        first:
          held === undefined ? null : { ticket: held.ticket, history: encodeHistory(held.history) },
        floor: floor ?? null,
        staged: encodeStaged(this.#draft),
      })
      this.#persisted = state
      this.#durable = joined
    } finally {
      this.#persisting = undefined
    }
  }

  #relist(): void {
    const history = this.#history
    this.#lists = history === undefined ? undefined : listsOf(history, this.#aside)
  }
}

function historyAtStart(options: MembersOptions): LayoutHistory | undefined {
  const { self, stored, lone, clusterId, isEmpty } = options
  const history = stored?.history ?? null
  if (history !== null) {
    const found = decodeHistory(history)
    // Only a node with rows goes on alone when it was told of peers meanwhile.
    const isOwn = isAlone(found) && found.clusterId === clusterId
    return isOwn && !lone && isEmpty() ? undefined : found
  }
  const isBound = stored !== undefined && (stored.first !== null || stored.clusterId !== null)
  return lone && !isBound ? loneHistory(self, clusterId) : undefined
}

function holdingOf(stored: StoredMembers | undefined): Holding {
  const { first = null, floor = null } = stored ?? {}
  return {
    held: first === null ? undefined : { ...first, history: decodeHistory(first.history) },
    floor: floor ?? undefined,
  }
}

const noEpoch: Epoch = { layout: 0, readmissions: 0 }

/** Nodes that are left out of the owners of the register, by `self`. */
interface Aside {
  readonly self: NodeId
  readonly nodes: readonly NodeId[]
  readonly wants?: 'all' | undefined
}

/** Without those that were let in again meanwhile. */
function stillAside(aside: Aside, before: LayoutHistory | undefined, now: LayoutHistory): Aside {
  if (aside.wants === 'all') return aside
  const admitted = (history: LayoutHistory | undefined, node: NodeId): number =>
    history?.nodes.get(node)?.readmittedAt ?? 0
  const nodes = aside.nodes.filter((node) => admitted(now, node) <= admitted(before, node))
  return { ...aside, nodes }
}

function listsOf(history: LayoutHistory, aside: Aside): Lists {
  const { active } = history
  const read = readLayout(history)
  const owners = Array.from({ length: PARTITION_COUNT }, (_, partition) =>
    active.map((layout) => ownersIn(layout, partition)),
  )
  const readers = owners.map((_, partition) => ownersIn(read, partition))
  const everyone = aside.wants === 'all' ? allKeepers(history, aside) : []
  const isWhole = everyone.length > 0
  const kept = keepersIn(history, read, aside)
  const reading = kept.length > 0 ? kept : read.storage
  owners[LAYOUT_PARTITION] = isWhole ? [everyone] : [...runBySelf(keptLists(history, aside), aside)]
  readers[LAYOUT_PARTITION] = isWhole ? everyone : reading
  return { epoch: epochOf(history), owners, readers }
}

/** One list, of which every node is needed. */
function allKeepers(history: LayoutHistory, { self, nodes }: Aside): readonly NodeId[] {
  const kept = [...storageOf(history)].filter(
    (node) => !nodes.includes(node) && history.nodes.get(node)?.isLost !== true,
  )
  return filledUp(selfFirst(kept, self), kept.length)
}

/**
 * The first owner of the first list runs a change. While nodes are set aside that is this one, in
 * whichever layouts it stores: no other knows of it, and would wait for those nodes.
 */
function runBySelf(
  lists: readonly (readonly NodeId[])[],
  { self, nodes }: Aside,
): readonly (readonly NodeId[])[] {
  if (nodes.length === 0) return lists
  const isOwn = (list: readonly NodeId[]): boolean => list.includes(self)
  const own = lists.filter(isOwn).map((list) => selfFirst(list, self))
  return [...own, ...lists.filter((list) => !isOwn(list))]
}

function selfFirst(nodes: readonly NodeId[], self: NodeId): readonly NodeId[] {
  return nodes.includes(self) ? [self, ...nodes.filter((node) => node !== self)] : nodes
}

/**
 * In every active layout, but in those of which nobody is left: a quorum of the layout that is read
 * holds every change of the register there was. (Else none could be made where a cluster shrinks to
 * one node, and that loses its rows.)
 */
function keptLists(history: LayoutHistory, aside: Aside): readonly (readonly NodeId[])[] {
  const isReadKept = keepersIn(history, readLayout(history), aside).length > 0
  return history.active.flatMap((layout) => {
    const kept = keepersIn(history, layout, aside)
    if (kept.length > 0) return [kept]
    return isReadKept ? [] : [layout.storage]
  })
}

/** Owners of the layout register: all that store, but those that are lost. */
function keepersIn(history: LayoutHistory, layout: Layout, aside: Aside): readonly NodeId[] {
  return layout.storage.filter(
    (node) => history.nodes.get(node)?.isLost !== true && !aside.nodes.includes(node),
  )
}
