/** The door to membership: who this node is, which epoch it lives in, who owns a partition. */

import type { Epoch } from '../base/ballot.ts'
import type { NodeId } from '../base/ids.ts'
import type { LayoutHistory } from './layout/history.ts'

export const PARTITION_COUNT = 256
/** Where the layout register lies: every node that stores owns it. */
export const LAYOUT_PARTITION = 256

export interface Cluster {
  readonly self: NodeId
  epoch(): Epoch
  /**
   * The owners of a partition, one list for each active layout (more than one only during a
   * change of layout). A change or an insert needs a majority of every list.
   *
   * @throws {ClusterError} code `NoLayout` when this node has none and does not stand alone
   */
  owners(partition: number): readonly (readonly NodeId[])[]
  /**
   * The one list whose majority answers a read: the owners in the newest layout that is synced.
   *
   * @throws {ClusterError} code `NoLayout`
   */
  readers(partition: number): readonly NodeId[]
  /**
   * The version of that layout. What has a ballot of a newer one needed the owners of a newer one
   * too, so those that are read cannot say alone that it was chosen.
   */
  readVersion(): number
  /** Says in which epoch a peer lives: a newer one than ours wakes whoever follows the layout. */
  heard(from: NodeId, epoch: Epoch): void
  /** Undefined of a node without a layout. */
  history(): LayoutHistory | undefined
  /**
   * Adopts what was chosen, if it is newer than what is known; tells the listeners before it
   * returns. Nothing is merged.
   *
   * A node that joins a cluster by it first makes the cluster's id durable: it is told later.
   *
   * @returns whether it was newer, and holds now
   * @throws {ClusterError} `OtherCluster`
   */
  learn(history: LayoutHistory): boolean
  /** `listener` is called after each change of the epoch or of what else the history says. */
  onChange(listener: () => void): void
}

/** A majority: 1 of 1, 2 of 2, 2 of 3, 3 of 4. */
export function quorumOf(owners: { readonly length: number }): number {
  return Math.floor(owners.length / 2) + 1
}
