/** When a node says of its drive of blocks that it is full. */

import type { DiskSpace } from './disk.ts'
import { DRIVE_RESERVE_PERCENT, SEGMENT_STEP_BYTES } from './limits.ts'

/** Whether the files of blocks grow no more there. */
export function isBlockDriveFull({ availableBytes, totalBytes }: DiskSpace): boolean {
  return availableBytes - SEGMENT_STEP_BYTES < (totalBytes * DRIVE_RESERVE_PERCENT) / 100
}
