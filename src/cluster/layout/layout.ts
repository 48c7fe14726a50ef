/** What a layout is: roles of nodes, and the owners of every partition. Pure. */

import { assert } from '../../base/assert.ts'
import type { NodeId } from '../../base/ids.ts'
import { LAYOUT_PARTITION, PARTITION_COUNT, quorumOf } from '../cluster.ts'
import type { StorageNode } from './assignment.ts'

/** What a node is for. A gateway serves requests and stores nothing. */
export interface Role {
  readonly zone: string
  /** Undefined of a gateway. */
  readonly capacityBytes: number | undefined
  readonly tags: readonly string[]
}

/** In how many zones the copies of a partition lie at least; `maximum`: in as many as can be. */
export type ZoneSpread = number | 'maximum'

export interface Layout {
  /** 0 is that of a node which stands alone, without a role. */
  readonly version: number
  /** Copies of each partition; fewer of some only where nodes were given up. */
  readonly factor: number
  readonly zoneSpread: ZoneSpread
  readonly roles: ReadonlyMap<NodeId, Role>
  /** The nodes that store; what `places` counts in. */
  readonly storage: readonly NodeId[]
  /**
   * `factor` indexes into `storage` for each partition, one after another. An owner that stands
   * there again is one owner.
   */
  readonly places: Uint8Array
  /** What one partition may hold; 0 where nobody knows. */
  readonly partitionBytes: number
}

/** The implicit layout of a node that stands alone. */
export function loneLayout(self: NodeId): Layout {
  return {
    version: 0,
    factor: 1,
    zoneSpread: 'maximum',
    roles: new Map(),
    storage: [self],
    places: new Uint8Array(PARTITION_COUNT),
    partitionBytes: 0,
  }
}

/** Owners of a partition; all that store are owners of `LAYOUT_PARTITION`. */
export function ownersIn(layout: Layout, partition: number): readonly NodeId[] {
  const { factor, places, storage } = layout
  if (partition === LAYOUT_PARTITION) return storage
  const owners: NodeId[] = []
  for (let copy = 0; copy < factor; copy += 1) {
    const owner = storage[places[partition * factor + copy]!]!
    if (!owners.includes(owner)) owners.push(owner)
  }
  return owners
}

/** Whether `node` is one of `ownersIn`. */
export function isOwnerIn(layout: Layout, partition: number, node: NodeId): boolean {
  const { factor, places, storage } = layout
  const index = storage.indexOf(node)
  if (index < 0 || partition === LAYOUT_PARTITION) return index >= 0
  for (let copy = 0; copy < factor; copy += 1) {
    if (places[partition * factor + copy] === index) return true
  }
  return false
}

/** Owners of each partition as `assignPartitions` takes them. */
export function allOwners(layout: Layout): readonly (readonly NodeId[])[] {
  return Array.from({ length: PARTITION_COUNT }, (_, partition) => ownersIn(layout, partition))
}

/** `owners` as indexes into `storage`. */
export function placesOf(
  storage: readonly NodeId[],
  owners: readonly (readonly string[])[],
): Uint8Array {
  const indexes = new Map<string, number>(storage.map((node, index) => [node, index]))
  const places = owners.flat().map((node) => {
    const index = indexes.get(node)
    assert(index !== undefined, 'every owner is a node that stores')
    return index
  })
  return Uint8Array.from(places)
}

/** Partitions that a node owns. */
export function countPartitions(layout: Layout, node: NodeId): number {
  let count = 0
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    if (isOwnerIn(layout, partition, node)) count += 1
  }
  return count
}

/** Partitions of which those of the owners that are left are no quorum. */
export function partitionsWithoutQuorum(
  layout: Layout,
  isLeft: (node: NodeId) => boolean,
): readonly number[] {
  if (layout.storage.every(isLeft)) return []
  const found: number[] = []
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    const owners = ownersIn(layout, partition)
    if (owners.filter(isLeft).length < quorumOf(owners)) found.push(partition)
  }
  return found
}

/** Owners of the partition that has the fewest. */
export function fewestOwners(layout: Layout): number {
  return Math.min(...allOwners(layout).map(({ length }) => length))
}

/** Those that store, in the order of their ids: so the same roles give the same layout. */
export function storageNodes(roles: ReadonlyMap<NodeId, Role>): StorageNode[] {
  const nodes: StorageNode[] = []
  for (const [id, { zone, capacityBytes }] of roles) {
    if (capacityBytes !== undefined) nodes.push({ id, zone, capacityBytes })
  }
  return nodes.sort((a, b) => (a.id < b.id ? -1 : 1))
}
