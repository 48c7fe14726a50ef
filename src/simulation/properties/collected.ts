/** A tombstone goes only when no owner, in any layout that counts, still holds what it outranks. */

import { compareBallots } from '../../base/ballot.ts'
import { equalBytes } from '../../base/bytes.ts'
import { blake3 } from '../../base/hash.ts'
import type { NodeId } from '../../base/ids.ts'
import { LAYOUT_PARTITION } from '../../cluster/cluster.ts'
import { ownersIn } from '../../cluster/layout/layout.ts'
import type { Placement } from '../../table/schema.ts'
import type { SimulatedNode } from '../node.ts'
import { registerRow } from './registers.ts'
import { StoredWatch, type Asked } from './witness.ts'

/** Rows that all owners have confirmed, by key and digest. */
interface DropMessage {
  readonly table: string
  readonly units: readonly string[]
  readonly digests: readonly Uint8Array[]
}

export class CollectedWatch extends StoredWatch {
  asked({ node, endpoint, envelope }: Asked): ((answer: unknown) => void) | undefined {
    if (endpoint !== 'collect/drop') return undefined
    const { table, units, digests } = envelope.body as DropMessage
    const known = node.product?.model.all.find(({ name }) => name === table)
    if (known === undefined) return undefined
    const faults = units.flatMap((unit, index) => {
      const owners = this.#ownersOf(node, partitionOfKey(known.placement, unit))
      return this.#faultsOf(known.tag + unit, digests[index]!, owners)
    })
    if (faults.length === 0) return undefined
    return () => {
      for (const fault of faults) this.fault(fault)
    }
  }

  #faultsOf(key: string, digest: Uint8Array, owners: readonly NodeId[] | undefined): string[] {
    const held = this.held(key)
    const going = held.find(({ stored }) => equalBytes(blake3(stored), digest))
    if (going === undefined) return []
    const { ballot } = registerRow(going.stored)
    return held.flatMap(({ node, stored }) => {
      // Who lost its rows copies them from those that hold none.
      if (node.hasLostRows || owners?.includes(node.id) === false) return []
      if (compareBallots(registerRow(stored).ballot, ballot) >= 0) return []
      const name = key.slice(key.indexOf('\0') + 1)
      return [`the tombstone of "${name}" goes, and node ${node.index} holds an older row`]
    })
  }

  /** As the asked node knows them; undefined where all nodes that hold anything are owners. */
  #ownersOf(node: SimulatedNode, partition: number): readonly NodeId[] | undefined {
    const history = node.product?.layout?.members.history()
    return history?.active.flatMap((layout) => ownersIn(layout, partition))
  }
}

function partitionOfKey(placement: Placement, key: string): number {
  return placement === 'cluster' ? LAYOUT_PARTITION : Number.parseInt(key.slice(0, 2), 16)
}
