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
   * `reason`, a sentence without full stop; `folder`; `mayPass`, where nothing need be damaged.
   */
  | 'Unreadable'
  /** The data directory was written by a newer version of the program. */
  | 'NewerFormat'

export class DbFault extends DomainError<DbErrorCode> {}

/** What to do about rows that cannot be read. */
export const READ_HELP = 'Look at its drive; stop the node and run `hangar recover`'

/** Why a read failed, as a sentence without full stop. */
export function readFailure(error: unknown): string {
  if (isUnreadable(error)) return String(error.details['reason'])
  return error instanceof Error ? error.message : String(error)
}

export function isUnreadable(error: unknown): error is DbFault {
  return error instanceof DbFault && error.code === 'Unreadable'
}

/** @throws {DbFault} `NotUsable` where the read failed for what may pass: then nothing is to be repaired */
export function assertDamaged(error: unknown): void {
  if (!isUnreadable(error) || error.details['mayPass'] !== true) return
  const message = `Cannot read the database "${String(error.details['folder'])}": ${readFailure(error)}`
  throw new DbFault('NotUsable', message, { cause: error })
}
