/** What membership can fail with. */

import { DomainError } from '../base/errors.ts'

/** `NoLayout`: this node has none and does not stand alone, so it knows no owners. */
export type ClusterErrorCode = 'NoLayout'

export class ClusterError extends DomainError<ClusterErrorCode> {}
