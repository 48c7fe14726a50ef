/** What membership can fail with. */

import { DomainError } from '../base/errors.ts'

/**
 * `NoLayout`: this node has none and does not stand alone, so it knows no owners. `CannotAssign`:
 * the nodes named cannot hold as many copies, spread as wished.
 */
export type ClusterErrorCode = 'CannotAssign' | 'NoLayout'

export class ClusterError extends DomainError<ClusterErrorCode> {}
