/** What can fail in the blocks of this node. */

import { DomainError } from '../base/errors.ts'

export type BlockErrorCode =
  /** The block does not lie on this node. */
  | 'BlockMissing'
  /** What lies on the drive is not the block: its hash, its header or its length differ. */
  | 'BlockCorrupt'
  /** Only the reserve is left: deletes and compaction may go on, writes may not. */
  | 'DriveFull'
  /** The drive failed: nothing that depends on it is acknowledged any more. */
  | 'DriveFailed'
  /** A folder that is not this node's, or one that is not there. */
  | 'DriveRefused'
  /** No quorum of the block's owners has it on stable storage. */
  | 'TooFewOwners'
  /** A message of another node that cannot be read. */
  | 'BadMessage'
  /** More waiters for a slot than the bound. */
  | 'SlotsExhausted'

export class BlockError extends DomainError<BlockErrorCode> {}

/** The system's code of a disk error (`ENOSPC`, `EIO`, …), or nothing. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** Whether a write or a new file found no room, on the drive or in a quota of the file system. */
export function isWithoutRoom(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}
