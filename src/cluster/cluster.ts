/** The door to membership: who this node is, which epoch it lives in, who owns a partition. */

import type { Epoch } from '../base/ballot.ts'
import type { NodeId } from '../base/ids.ts'

export const PARTITION_COUNT = 256

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
}

/** A majority: 1 of 1, 2 of 2, 2 of 3, 3 of 4. */
export function quorumOf(owners: { readonly length: number }): number {
  return Math.floor(owners.length / 2) + 1
}
