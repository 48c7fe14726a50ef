/** Why a node does not start. */

import { DomainError } from '../base/errors.ts'

/** In the message stands what to do. */
export type NodeErrorCode = 'FolderUnusable' | 'PortTaken' | 'SecretsLost' | 'NoMesh'

export class NodeError extends DomainError<NodeErrorCode> {}
