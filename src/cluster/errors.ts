/** What membership can fail with. */

import { DomainError } from '../base/errors.ts'

export type ClusterErrorCode =
  /** This node has none and does not stand alone, so it knows no owners. */
  | 'NoLayout'
  /** The nodes named cannot hold as many copies, spread as wished. */
  | 'CannotAssign'
  /** A role or a parameter is not one that a layout can have. */
  | 'InvalidRole'
  /** The version given is not the next one. */
  | 'WrongVersion'
  /** The version given is not one that is on its way. */
  | 'UnknownLayout'
  | 'NothingStaged'
  /** Who would be skipped may still make a quorum, or an incarnation was not let in again. */
  | 'NotFenced'
  /** The node has no part in any active layout. */
  | 'UnknownNode'
  /** The other has another cluster id. */
  | 'OtherCluster'
  /** Not every node that the first layout names has taken it yet. */
  | 'FirstLayoutWaits'
  /** Another first layout counts, or may, instead of this one. */
  | 'FirstLayoutLost'
  /** A history as it is stored or sent cannot be read. */
  | 'BadHistory'

export class ClusterError extends DomainError<ClusterErrorCode> {}
