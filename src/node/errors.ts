/** Why a node does not start. */

import { DomainError } from '../base/errors.ts'

/** In the message stands what to do. */
export type NodeErrorCode =
  | 'FolderUnusable'
  | 'PortTaken'
  /** A certificate or its key is missing, unreadable, or does not fit the other. */
  | 'CertificateUnusable'
  | 'SecretsLost'
  | 'NoMesh'
  /** What the node may hold is neither set nor told by its drive. */
  | 'NoCapacity'
  /** Nothing of others is taken while there is no room for rows. */
  | 'StorageFull'
  /** A message of another node that cannot be read. */
  | 'BadMessage'
  /** Another check of the cluster is under way. */
  | 'CheckBusy'
  /** The node that was asked knows nothing of this check any more. */
  | 'CheckGone'

export class NodeError extends DomainError<NodeErrorCode> {}
