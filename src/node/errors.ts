/** Why a node does not start. */

import { DomainError } from '../base/errors.ts'

/** `FolderUnusable`, `PortTaken`: in the message stands what to do. `SecretsLost`: likewise. */
export type NodeErrorCode = 'FolderUnusable' | 'PortTaken' | 'SecretsLost'

export class NodeError extends DomainError<NodeErrorCode> {}
