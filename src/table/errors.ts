/** What replicated rows can fail with. */

import { DomainError } from '../base/errors.ts'

export type TableErrorCode =
  /** Definitely not applied; `details.code` says why, in the words of the command or the veto. */
  | 'Refused'
  /** Too few owners answered. */
  | 'QuorumNotReached'
  /**
   * The change may have been applied, or may be later. Where a veto kept the last attempt from being
   * made `details` have it as `veto`, and the `operation` to try it again under.
   */
  | 'OutcomeUnknown'
  /** A queue is full; not applied. */
  | 'TooBusy'
  /** An owner holds a later row than the one to be merged. */
  | 'Outranked'
  /** The sender's epoch is older; `details` has the newer one. */
  | 'OldEpoch'
  /** The asker's epoch is newer than this node's, which is learning it. */
  | 'BehindEpoch'
  | 'NotOwner'
  /** A partition that this node has gained and not made ready yet. */
  | 'NotReady'
  /** The database of the node lost rows: what it says counts for nothing yet. */
  | 'Recovering'
  /** The fence behind which a page is wanted does not stand on this node, or not yet. */
  | 'Unfenced'
  /** The clocks of two nodes, or of a node and its mark, are more than a minute apart. */
  | 'ClockRefused'
  | 'BadMessage'
  | 'Stopped'

export class TableError extends DomainError<TableErrorCode> {}

/** For a row of another node that cannot be read here: it is refused before it is stored. */
export function unreadable(table: string, cause: unknown): TableError {
  const why = cause instanceof Error ? cause.message.slice(0, 200) : String(cause)
  return new TableError('BadMessage', `Cannot take a row of "${table}": ${why}`, { cause })
}
