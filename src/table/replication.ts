/** Where rows belong: partition of a partition key, its owners, and votes of a quorum. */

import type { Ballot } from '../base/ballot.ts'
import { fromHex, utf8 } from '../base/bytes.ts'
import { blake3 } from '../base/hash.ts'
import type { NodeId } from '../base/ids.ts'
import { LAYOUT_PARTITION, type Cluster } from '../cluster/cluster.ts'
import { newestLayout } from '../cluster/layout/history.ts'
import { ownersIn, type Layout } from '../cluster/layout/layout.ts'
import { Votes } from '../cluster/votes.ts'
import { TableError } from './errors.ts'
import type { Rules } from './rules.ts'
import type { Placement } from './schema.ts'

const PLACES_CACHED_MAX = 4096
/** Older than every layout. */
const NO_LAYOUT = -1

/** A partition key's place. Keys of its rows are `prefix` and the row's own key. */
export interface Place {
  readonly partitionKey: string
  readonly partition: number
  /** Partition as two hex digits (three for the layout's own), partition key, NUL. */
  readonly prefix: string
}

export class Replication {
  readonly #cluster: Cluster
  readonly #rules: Rules
  readonly #places: Readonly<Record<Placement, Map<string, Place>>> = {
    hash: new Map(),
    'first-byte': new Map(),
    cluster: new Map(),
  }

  constructor(cluster: Cluster, rules: Rules) {
    this.#cluster = cluster
    this.#rules = rules
  }

  /** @throws {TableError} `BadMessage` when the key holds NUL, or is not hex where it must be */
  placeOf(table: { readonly placement: Placement }, partitionKey: string): Place {
    const cached = this.#places[table.placement]
    const found = cached.get(partitionKey)
    if (found !== undefined) return found
    const place = makePlace(table.placement, partitionKey)
    if (cached.size >= PLACES_CACHED_MAX) cached.clear()
    cached.set(partitionKey, place)
    return place
  }

  /** @throws {ClusterError} `NoLayout` */
  lists(partition: number): readonly (readonly NodeId[])[] {
    return this.#cluster.owners(partition)
  }

  /** Every owner in any list once; this node first if it is one, so that its answers come first. */
  owners(partition: number): readonly NodeId[] {
    const lists = this.lists(partition)
    return this.#selfFirst(lists.length === 1 ? lists[0]! : [...new Set(lists.flat())])
  }

  /** Every other node that owns a partition which this one owns too. */
  peers(): readonly NodeId[] {
    const found = new Set<NodeId>()
    const { self } = this.#cluster
    for (let partition = 0; partition <= LAYOUT_PARTITION; partition += 1) {
      if (!this.isOwner(partition)) continue
      for (const list of this.lists(partition)) for (const node of list) found.add(node)
    }
    found.delete(self)
    return [...found]
  }

  /** The owners that a read asks: those of the one layout that is read, this node first. */
  readers(partition: number): readonly NodeId[] {
    return this.#selfFirst(this.#cluster.readers(partition))
  }

  /**
   * The newest layout of which those that are read can say alone that a row was chosen. One with a
   * ballot of a newer one was written while owners vote that are not read yet. To be looked up
   * before they are asked: by the time that they have answered reads may have moved.
   */
  vouchedTo(partition: number): number {
    const read = this.#cluster.readVersion()
    const isAlone = !this.#isReadBefore(partition) && !this.#isCopiedAnew(partition)
    if (!isAlone || this.#isReadInBetween()) return this.#rules.vouchedTo(NO_LAYOUT)
    return this.#cluster.epoch().layout > read ? this.#rules.vouchedTo(read) : Infinity
  }

  /**
   * Whether somebody who does not know that reads have moved may yet be answered by a quorum of an
   * older layout. He is shown what those hold: so no more may be shown by the newer ones alone.
   */
  #isReadBefore(partition: number): boolean {
    const history = this.#cluster.history()
    if (history === undefined || history.active[0]!.version >= history.readVersion) return false
    const { active, nodes, movedAt, readVersion } = history
    return active.some((layout) => {
      if (layout.version >= readVersion) return false
      const owners = this.#ownersIn(layout, partition)
      const unaware = owners.filter((node) => {
        const { isLost, readmissions } = nodes.get(node)!
        return !isLost && readmissions < movedAt
      })
      return unaware.length >= this.#rules.readQuorum(owners)
    })
  }

  /**
   * Whether one that is read lost its rows since the change began. It copied what each of the others
   * holds, so also a row of before the change that one alone had: owners of the newer layout, who had
   * gathered from the rest and from what this one was before, lack what two show now.
   */
  #isCopiedAnew(partition: number): boolean {
    const history = this.#cluster.history()
    if (history === undefined || newestLayout(history).version <= history.readVersion) return false
    const { nodes, changedAt } = history
    const admitted = (node: NodeId): number => nodes.get(node)?.readmittedAt ?? 0
    return this.#cluster.readers(partition).some((node) => admitted(node) > changedAt)
  }

  /**
   * Whether reads moved to a layout upon which another had been applied before. The owners of that one
   * may have gathered from some of those that are read now before these had gathered themselves: so a
   * row that one owner alone had, and that two of those show now, may have come to none of them.
   */
  #isReadInBetween(): boolean {
    const history = this.#cluster.history()
    if (history === undefined || newestLayout(history).version <= history.readVersion) return false
    return history.changedAt < history.movedAt
  }

  /** As they are read: of the layout's own partition those that are not lost. */
  #ownersIn(layout: Layout, partition: number): readonly NodeId[] {
    const owners = ownersIn(layout, partition)
    if (partition !== LAYOUT_PARTITION) return owners
    return owners.filter((node) => this.#cluster.history()?.nodes.get(node)?.isLost !== true)
  }

  /**
   * Whether a row that is copied here could make it one that a quorum of those that are read holds,
   * while owners of a newer layout have gathered without it: they would lack what is shown.
   */
  makesShown(partition: number, { layout }: Ballot): boolean {
    const read = this.#cluster.readVersion()
    if (this.#cluster.epoch().layout <= read || layout > read) return false
    return this.#cluster.readers(partition).includes(this.#cluster.self)
  }

  readVotes(partition: number): Votes {
    return this.votesOf(this.#cluster.readers(partition))
  }

  /** @param readers as they were asked: by the time that they answer others may be read */
  votesOf(readers: readonly NodeId[]): Votes {
    return new Votes([readers], this.#rules.readQuorum)
  }

  isOwner(partition: number): boolean {
    const { self } = this.#cluster
    return this.lists(partition).some((list) => list.includes(self))
  }

  /** Whether this node is every owner there is: what it holds, all of them hold. */
  isSoleOwner(partition: number): boolean {
    const { self } = this.#cluster
    return this.lists(partition).every((list) => list.length === 1 && list[0] === self)
  }

  /** Every owner whose word is needed to collect a row; undefined while the layout changes. */
  collecting(partition: number): readonly NodeId[] | undefined {
    const lists = this.#rules.collectingLists(this.lists(partition))
    return lists && [...new Set(lists.flat())].sort()
  }

  votes(partition: number): Votes {
    return new Votes(this.#rules.votingLists(this.lists(partition)), this.#rules.quorum)
  }

  /** @param nodes each once */
  #selfFirst(nodes: readonly NodeId[]): readonly NodeId[] {
    const at = nodes.indexOf(this.#cluster.self)
    if (at <= 0) return nodes
    return [nodes[at]!, ...nodes.slice(0, at), ...nodes.slice(at + 1)]
  }
}

function makePlace(placement: Placement, partitionKey: string): Place {
  if (partitionKey.includes('\0')) {
    throw new TableError('BadMessage', `Cannot place a row: "${partitionKey}" holds NUL`)
  }
  const partition = partitionOf(placement, partitionKey)
  if (partition === undefined) {
    throw new TableError('BadMessage', `Cannot place a row: "${partitionKey}" is not hex`)
  }
  const prefix = `${partition.toString(16).padStart(2, '0')}${partitionKey}\0`
  return { partitionKey, partition, prefix }
}

function partitionOf(placement: Placement, partitionKey: string): number | undefined {
  switch (placement) {
    case 'hash':
      return blake3(utf8(partitionKey))[0]
    case 'first-byte':
      return fromHex(partitionKey.slice(0, 2))?.[0]
    case 'cluster':
      return LAYOUT_PARTITION
  }
}
