/** Refuses uploads while the drive of the rows is nearly full: rows that cannot be written end the node. */

import type { Clock } from '../../base/clock.ts'
import type { Disk } from '../../base/disk.ts'
import {
  METADATA_RESERVE_BYTES,
  METADATA_UPLOADS_BYTES,
  SPACE_READING_MS,
} from '../../base/limits.ts'

export interface SpaceGuard {
  /** A sentence while too little is left, else undefined. Costs nothing. */
  shortage(): string | undefined
  /** So little is left that nothing is taken of others either. Costs nothing. */
  isSpent(): boolean
  /** `listener` is called when that is over. */
  onRoom(listener: () => void): void
  stop(): Promise<void>
}

/** Reads the free space now and then; deletes are never refused, for they make room. */
export async function guardSpace(parts: {
  readonly clock: Clock
  readonly disk: Disk
  readonly folder: string
}): Promise<SpaceGuard> {
  const { clock, disk, folder } = parts
  let availableBytes = Infinity
  const listeners: (() => void)[] = []
  const isSpent = (): boolean => availableBytes < METADATA_RESERVE_BYTES
  let cancel = (): void => undefined
  let isStopped = false
  let reading = Promise.resolve()
  const read = async (): Promise<void> => {
    const wasSpent = isSpent()
    try {
      availableBytes = (await disk.space(folder)).availableBytes
    } catch {
      // A drive that cannot be asked will say so where it is written.
      availableBytes = Infinity
    }
    if (isStopped) return
    if (wasSpent && !isSpent()) for (const listener of listeners) listener()
    cancel = clock.after(SPACE_READING_MS, () => {
      reading = read()
    })
  }
  await read()
  return {
    shortage: () =>
      availableBytes >= METADATA_UPLOADS_BYTES
        ? undefined
        : `The drive of "${folder}" is full but for its reserve: delete something or make it larger`,
    isSpent,
    onRoom: (listener) => void listeners.push(listener),
    stop: () => {
      isStopped = true
      cancel()
      return reading
    },
  }
}
