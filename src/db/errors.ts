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
  /**
   * Some rows cannot be read, for a file of the database is damaged or its drive fails. Others can. Details:
   * `reason`, a sentence without full stop.
   */
  | 'Unreadable'
  /** The data directory was written by a newer version of the program. */
  | 'NewerFormat'

export class DbFault extends DomainError<DbErrorCode> {}

/** Why a read failed, without the folder and what is to be done about it. */
export function readFailure(error: unknown): string {
  if (error instanceof DbFault && error.code === 'Unreadable')
    return String(error.details['reason'])
  return error instanceof Error ? error.message : String(error)
}
