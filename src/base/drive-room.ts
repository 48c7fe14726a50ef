/** How much of a drive is kept free, and when it is full. Pure. */

import type { DiskSpace } from './disk.ts'
import { DRIVE_RESERVE_PERCENT, SEGMENT_STEP_BYTES } from './limits.ts'

/** The share of a drive of blocks that only deletes and compaction may use. */
export function driveReserveBytes(totalBytes: number): number {
  return (totalBytes * DRIVE_RESERVE_PERCENT) / 100
}

/** With less than this free the files of blocks grow no more there. */
export function blockRoomBytes(totalBytes: number): number {
  return driveReserveBytes(totalBytes) + SEGMENT_STEP_BYTES
}

/** Whether the files of blocks grow no more there. */
export function isBlockDriveFull({ availableBytes, totalBytes }: DiskSpace): boolean {
  return availableBytes < blockRoomBytes(totalBytes)
}
