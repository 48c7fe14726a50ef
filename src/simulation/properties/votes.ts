/**
 * Whose word counts: a node that lost its rows says nothing of what it owned before it was let in
 * in a new epoch and copied from every other owner; and nobody answers who lives in an old epoch.
 */

import { compareEpochs, type Epoch } from '../../base/ballot.ts'
import { utf8 } from '../../base/bytes.ts'
import { blake3 } from '../../base/hash.ts'
import type { NodeId } from '../../base/ids.ts'
import { LAYOUT_PARTITION } from '../../cluster/cluster.ts'
import { epochOf, type LayoutHistory } from '../../cluster/layout/history.ts'
import { ownersIn } from '../../cluster/layout/layout.ts'
import type { Placement } from '../../table/schema.ts'
import type { SimulatedNode } from '../node.ts'
import type { Asked, Watch } from './witness.ts'

const VOTES: ReadonlySet<string> = new Set([
  ...['table/promise', 'table/accept', 'table/read', 'table/sides', 'table/page'],
  ...['table/insert', 'table/read-merged', 'table/range-merged'],
])

/** What a node must do before it may speak again. */
interface Loss {
  readonly epoch: Epoch
  /** The life of its database that the register knew then. */
  readonly incarnation: string | undefined
  /** Those that it owned. */
  readonly partitions: Set<number>
  /** Nodes that it copied from since. */
  readonly copied: Set<string>
  /** Of the layouts that were last looked at, as any node knows them. */
  revision: number
}

interface Named {
  readonly table: string
  readonly partitionKey?: string
  readonly items?: readonly { readonly partitionKey: string }[]
  readonly keys?: readonly { readonly partitionKey?: string }[]
}

export class VotesWatch implements Watch {
  readonly #fault: (sentence: string) => void
  readonly #losses = new Map<SimulatedNode, Loss>()

  constructor(fault: (sentence: string) => void) {
    this.#fault = fault
  }

  lost(node: SimulatedNode): void {
    const history = historyOf(node)
    if (history === undefined) return
    const partitions = new Set<number>()
    for (let partition = 0; partition <= LAYOUT_PARTITION; partition += 1) {
      if (othersOf(history, partition, node.id) !== undefined) partitions.add(partition)
    }
    const { revision } = history
    const incarnation = history.nodes.get(node.id)?.incarnation
    const loss = { epoch: epochOf(history), incarnation, partitions, copied: new Set<string>() }
    this.#losses.set(node, { ...loss, revision })
  }

  /** The floors come last when one owner copies from another. */
  heard(node: SimulatedNode, endpoint: string, from: string): void {
    const loss = this.#losses.get(node)
    const history = historyOf(node)
    if (endpoint !== 'sync/floors' || loss === undefined || history === undefined) return
    loss.copied.add(from)
    // Owners that come later copy from it, not the other way round.
    for (const partition of loss.partitions) {
      if (voteFault(loss, history, { partition, self: node.id }) === undefined) {
        loss.partitions.delete(partition)
      }
    }
  }

  asked({ node, endpoint, envelope }: Asked): ((answer: unknown) => void) | undefined {
    if (!VOTES.has(endpoint)) return undefined
    const history = historyOf(node)
    if (history === undefined) return undefined
    this.#forget(history)
    const own = epochOf(history)
    if (compareEpochs(envelope, own) < 0) {
      return () => this.#fault(`node ${node.index} answered "${endpoint}" of an old epoch`)
    }
    const loss = this.#losses.get(node)
    if (loss === undefined) return undefined
    return () => this.#count(node, loss, envelope.body as Named)
  }

  /** What a node gives up, and may gain again, it never promised anything for. */
  #forget(history: LayoutHistory): void {
    for (const [{ id }, loss] of this.#losses) {
      if (history.revision <= loss.revision) continue
      loss.revision = history.revision
      const isNew = wasOutside(loss, history, id)
      for (const partition of loss.partitions) {
        const isOwner = othersOf(history, partition, id) !== undefined
        if (isNew || !isOwner) loss.partitions.delete(partition)
      }
    }
  }

  #count(node: SimulatedNode, loss: Loss, message: Named): void {
    const history = historyOf(node)
    if (history === undefined) return
    for (const partition of partitionsOf(node, message)) {
      if (!loss.partitions.has(partition)) continue
      const fault = voteFault(loss, history, { partition, self: node.id })
      if (fault === undefined) loss.partitions.delete(partition)
      else this.#fault(`node ${node.index} lost its rows and votes ${fault}`)
    }
  }
}

/**
 * Whether a node had no part in any layout since, though nobody who was asked knew of that moment: the
 * register knows nothing of it, or a life of its database that it never had to let in.
 */
export function wasOutside(
  loss: Pick<Loss, 'incarnation'>,
  history: LayoutHistory,
  node: NodeId,
): boolean {
  const known = history.nodes.get(node)
  if (known === undefined || loss.incarnation === undefined) return known === undefined
  return known.incarnation !== loss.incarnation && known.readmittedAt === 0
}

/** What is wrong with a vote of a node after its loss; undefined when it may. */
export function voteFault(
  loss: Pick<Loss, 'epoch' | 'copied'>,
  history: LayoutHistory,
  at: { readonly partition: number; readonly self: NodeId },
): string | undefined {
  const others = othersOf(history, at.partition, at.self)
  if (others === undefined) return undefined
  if (compareEpochs(epochOf(history), loss.epoch) <= 0) return 'in the epoch that it lost them in'
  return others.every((other) => loss.copied.has(other))
    ? undefined
    : 'before it copied from all others'
}

function historyOf(node: SimulatedNode): LayoutHistory | undefined {
  return node.product?.layout?.members.history()
}

/** The other owners in any active layout; undefined where the node is none. */
function othersOf(
  history: LayoutHistory,
  partition: number,
  self: NodeId,
): readonly NodeId[] | undefined {
  const owners = new Set(history.active.flatMap((layout) => ownersIn(layout, partition)))
  if (!owners.delete(self)) return undefined
  return [...owners].filter((node) => history.nodes.get(node)?.isLost !== true)
}

function partitionsOf(node: SimulatedNode, message: Named): readonly number[] {
  const table = node.product?.model.all.find(({ name }) => name === message.table)
  if (table === undefined) return []
  const rows = [...(message.items ?? []), ...(message.keys ?? [])]
  const keys = message.partitionKey ?? rows.flatMap(({ partitionKey }) => partitionKey ?? [])
  return [keys].flat().map((key) => partitionOf(table.placement, key))
}

function partitionOf(placement: Placement, partitionKey: string): number {
  if (placement === 'cluster') return LAYOUT_PARTITION
  if (placement === 'hash') return blake3(utf8(partitionKey))[0]!
  return Number.parseInt(partitionKey.slice(0, 2), 16)
}
