/** The decisions that safety hangs on, as one object: so a simulation can plant a fault in each. */

import type { Ballot } from '../base/ballot.ts'
import type { NodeId } from '../base/ids.ts'
import { OPERATION_SPAN_MICROS } from '../base/limits.ts'
import { quorumOf } from '../cluster/cluster.ts'
import { admitsPromise, admitsRow, floorOf, type Binding } from './admission.ts'
import type { SideRow } from './messages.ts'

export interface Rules {
  /** How many owners of a list make a quorum of a write. */
  readonly quorum: typeof quorumOf
  /** How many of the owners that are read make a quorum. */
  readonly readQuorum: typeof quorumOf
  /** Whether a read that finds its owners differing makes them agree before it answers. */
  readonly writesBack: boolean
  readonly floor: (binding: Binding) => Ballot
  /** The same for a row that is copied from another owner. */
  readonly floorOfCopy: (binding: Binding) => Ballot
  readonly admitsPromise: typeof admitsPromise
  readonly admitsRow: typeof admitsRow
  /** No attempt of an operation is made further than this from its first. */
  readonly operationSpanMicros: number
  /** The floor of every partition after a start that found `mark` on disk. */
  readonly floorAtStart: (mark: Ballot) => Ballot
  /** What becomes of a promise that leaves memory before an accept passed it. */
  readonly promiseLeavingMemory: 'written' | 'forgotten'
  /** The lists of owners of which each must give a quorum to a change. */
  readonly votingLists: (lists: OwnerLists) => OwnerLists
  /** Up to which layout the owners of layout `read` can say alone that a row was chosen. */
  readonly vouchedTo: (read: number) => number
  /** Whether a message of an older epoch is refused. */
  readonly refusesOldEpochs: boolean
  /** Whether a partition that a node gains is emptied first. */
  readonly emptiesGained: boolean
  /** Whether it counts as gained where layouts took it and gave it back while the node was away. */
  readonly noticesGaps: boolean
  /** Whether a quorum of the older owners was copied from before a node counts as complete. */
  readonly gathers: boolean
  /** Whether the answers of a node that lost its rows count for nothing until it was let in again. */
  readonly mutesLost: boolean
  /** Which other owners a node that lost its rows copies from before it votes again. */
  readonly recoversFrom: 'all' | 'one'
  /** The lists of owners that confirm what is collected; undefined while the layout changes. */
  readonly collectingLists: (lists: OwnerLists) => OwnerLists | undefined
  /** Whether rows may go that these of their owners have confirmed to hold. */
  readonly mayCollect: (owners: readonly NodeId[], confirmed: ReadonlySet<NodeId>) => boolean
  /** Whether what is collected leaves a floor behind. */
  readonly raisesFloor: boolean
  /** The side rows that go along when a row is accepted again. */
  readonly resentSides: (sides: readonly SideRow[]) => readonly SideRow[]
}

type OwnerLists = readonly (readonly NodeId[])[]

export const rules: Rules = {
  quorum: quorumOf,
  readQuorum: quorumOf,
  writesBack: true,
  floor: floorOf,
  floorOfCopy: floorOf,
  admitsPromise,
  admitsRow,
  operationSpanMicros: OPERATION_SPAN_MICROS,
  floorAtStart: (mark) => mark,
  promiseLeavingMemory: 'written',
  resentSides: (sides) => sides,
  votingLists: (lists) => lists,
  vouchedTo: (read) => read,
  refusesOldEpochs: true,
  emptiesGained: true,
  noticesGaps: true,
  gathers: true,
  mutesLost: true,
  recoversFrom: 'all',
  collectingLists: (lists) => (lists.length === 1 ? lists : undefined),
  mayCollect: (owners, confirmed) => owners.every((owner) => confirmed.has(owner)),
  raisesFloor: true,
}
