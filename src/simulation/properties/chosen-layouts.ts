/**
 * No node follows a layout that was not chosen, and an old one ends only when all who own rows in it
 * know that reads have moved: as what they hold and what they say shows, not as the register does. Who
 * was skipped need not know it, but those can act nowhere among themselves.
 */

import { compareEpochs, type Ballot, type Epoch } from '../../base/ballot.ts'
import { hexOf } from '../../base/bytes.ts'
import { pack } from '../../base/codec.ts'
import { blake3 } from '../../base/hash.ts'
import type { NodeId } from '../../base/ids.ts'
import { quorumOf } from '../../cluster/cluster.ts'
import { epochOf, type LayoutHistory } from '../../cluster/layout/history.ts'
import { ownersIn, type Layout } from '../../cluster/layout/layout.ts'
import { encodeHistory } from '../../cluster/layout/stored.ts'
import type { Operation } from '../../db/engine.ts'
import type { Envelope } from '../../table/messages.ts'
import type { RegisterRow } from '../../table/row.ts'
import { partitionNumbers } from '../layouts.ts'
import type { SimulatedNode } from '../node.ts'
import { registerRow } from './registers.ts'
import type { Asked, RegisterAt, Watch } from './witness.ts'

const LAYOUT = 'L'

/** Who held a row of the register on stable storage, or took it. */
interface Offer {
  readonly ballot: Ballot
  readonly holders: Set<NodeId>
}

export class ChosenLayoutsWatch implements Watch {
  readonly #fault: (sentence: string) => void
  readonly #layouts = new Map<number, Layout>()
  readonly #seen = new Map<SimulatedNode, LayoutHistory>()
  /** The newest epoch that each node has spoken in. */
  readonly #known = new Map<NodeId, Epoch>()
  /** Re-admissions of the cluster when reads left a layout. */
  readonly #leftAt = new Map<number, number>()
  /** As any node knew it: it goes with the last layout that names a node. */
  readonly #skippedTo = new Map<NodeId, number>()
  /** Declared lost: it can act no more as whom it was. */
  readonly #gone = new Set<NodeId>()
  readonly #ended = new Set<number>()
  /** Owners of the register, in each active layout, by epoch. */
  readonly #keepers = new Map<string, readonly (readonly NodeId[])[]>()
  /** Rows of the register by their content. */
  readonly #offers = new Map<string, Offer[]>()
  /** A node whose database is gone may be left out of the owners of the register. */
  #isAnyLost = false

  constructor(fault: (sentence: string) => void) {
    this.#fault = fault
  }

  wrote(node: SimulatedNode, operations: readonly Operation[]): void {
    for (const { type, key, value } of operations) {
      if (type !== 'put' || !key.startsWith(LAYOUT)) continue
      this.#holds(node, registerRow(value))
    }
  }

  took(node: SimulatedNode, { table }: RegisterAt, row: RegisterRow): void {
    if (table === 'layout') this.#holds(node, row)
  }

  #holds(node: SimulatedNode, row: RegisterRow): void {
    const content = digestOf(row.value)
    const offers = this.#offers.get(content) ?? []
    this.#offers.set(content, offers)
    const known = offers.find(({ ballot }) => isSame(ballot, row.ballot))
    if (known !== undefined) known.holders.add(node.id)
    else offers.push({ ballot: row.ballot, holders: new Set([node.id]) })
  }

  lost(): void {
    this.#isAnyLost = true
  }

  asks(node: SimulatedNode, _endpoint: string, envelope: Envelope): void {
    this.#notice(node)
    this.#hear(node.id, envelope)
  }

  asked({ node }: Asked): undefined {
    this.#notice(node)
  }

  #notice(node: SimulatedNode): void {
    const history = node.product?.layout?.members.history()
    const before = this.#seen.get(node)
    if (history === undefined || before === history) return
    this.#seen.set(node, history)
    this.#hear(node.id, epochOf(history))
    this.#keepers.set(
      nameOf(epochOf(history)),
      history.active.map(({ storage }) => storage),
    )
    // Layout 0 is what each node has that stands alone.
    for (const layout of history.active) {
      if (layout.version > 0) this.#layouts.set(layout.version, layout)
    }
    // After a restart it is the same, from the state file; the first is taken by other means.
    const isNew = before !== undefined && before.revision < history.revision
    if (isNew && before.active[0]!.version > 0 && !this.#isAnyLost) {
      this.#lookChosen(node, history, before)
    }
    for (const [id, { skippedTo, isLost }] of history.nodes) {
      if (isLost) this.#gone.add(id)
      this.#skippedTo.set(id, Math.max(skippedTo, this.#skippedTo.get(id) ?? 0))
    }
    this.#lookEnded(node, history)
  }

  #hear(node: NodeId, { layout, readmissions }: Epoch): void {
    const known = this.#known.get(node)
    const heard = { layout, readmissions }
    if (known === undefined || compareEpochs(heard, known) > 0) this.#known.set(node, heard)
  }

  /**
   * Some row that says so was held by a quorum of a list of its owners: of those at its ballot, or
   * of those that the node knew, for a read asks one list only.
   */
  #lookChosen(node: SimulatedNode, history: LayoutHistory, before: LayoutHistory): void {
    const offers = this.#offers.get(digestOf(encodeHistory(history)))
    const read = before.active.map(({ storage }) => storage)
    const isChosen = offers?.some(({ ballot, holders }) => {
      const lists = this.#keepers.get(nameOf(ballot))
      if (lists === undefined) return true
      const holds = (id: NodeId): boolean => holders.has(id)
      return [...lists, ...read].some((list) => list.filter(holds).length >= quorumOf(list))
    })
    if (isChosen === true) return
    this.#fault(`node ${node.index} follows revision ${history.revision}, which was not chosen`)
  }

  #lookEnded(node: SimulatedNode, history: LayoutHistory): void {
    const { active, readVersion, movedAt } = history
    for (const [version, layout] of this.#layouts) {
      if (version >= readVersion || this.#ended.has(version)) continue
      const leftAt = Math.min(this.#leftAt.get(version) ?? Infinity, movedAt)
      this.#leftAt.set(version, leftAt)
      if (version >= active[0]!.version) continue
      this.#ended.add(version)
      const isUnaware = (id: NodeId): boolean =>
        !this.#gone.has(id) && (this.#known.get(id)?.readmissions ?? 0) < leftAt
      const isWaitedFor = (id: NodeId): boolean => (this.#skippedTo.get(id) ?? 0) <= version
      const unaware = new Set(layout.storage.filter(isUnaware))
      if ([...unaware].some(isWaitedFor) || areQuorum(unaware, layout)) {
        this.#fault(`layout ${version} ended before all knew it, as node ${node.index} knows`)
      }
    }
  }
}

/** Whether they could act among themselves, of some partition. */
function areQuorum(nodes: ReadonlySet<NodeId>, layout: Layout): boolean {
  return partitionNumbers.some((partition) => {
    const owners = ownersIn(layout, partition)
    return owners.filter((id) => nodes.has(id)).length >= quorumOf(owners)
  })
}

function isSame(a: Ballot, b: Ballot): boolean {
  return compareEpochs(a, b) === 0 && a.time === b.time && a.node === b.node
}

function nameOf({ layout, readmissions }: Epoch): string {
  return `${layout}.${readmissions}`
}

function digestOf(value: unknown): string {
  return hexOf(blake3(pack(value)))
}
