/** What the local database can fail with. */

import { DomainError } from '../base/errors.ts'

export type DbErrorCode =
  /** The seal is broken: rows can be read, not written, until the loss is accepted. */
  | 'ReadOnly'
  /** A write or its sync failed: nothing is acknowledged any more. */
  | 'WriteFailed'
  | 'Closed'
  /** Another process has the database open. */
  | 'Locked'
  /** This user may not open it, or its drive is full: nothing of it is damaged. */
  | 'NotUsable'
  /** The files do not make a database; what is missing is in the message. */
  | 'CannotOpen'
  /** The data directory was written by a newer version of the program. */
  | 'NewerFormat'

export class DbFault extends DomainError<DbErrorCode> {}
