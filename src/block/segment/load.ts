/** Reads back what is known of a drive's segments when the node starts. */

import { PAGE_BYTES } from '../../base/limits.ts'
import type { Disk } from '../../base/disk.ts'
import type { Log } from '../../base/log.ts'
import type { Db } from '../../db/db.ts'
import type { Drive } from '../drives.ts'
import { decodeSegment, parseSegmentKey, segmentTree, type StoredSegment } from './rows.ts'
import { parseSegmentFileName, Segment } from './segment.ts'

interface LoadContext {
  readonly drive: Drive
  readonly disk: Disk
  readonly db: Db
  readonly log: Log
}

/**
 * Fills `drive.segments` from the rows and the files.
 *
 * A segment that was free is measured before it is written again, as is the open one. Files that
 * no row names are left alone: they may be all that is left after a loss of rows.
 *
 * @returns the segment that was open
 */
export async function loadSegments(
  context: LoadContext,
  rows: readonly StoredSegment[],
): Promise<Segment | undefined> {
  const { drive, disk, log } = context
  const files = await listSegments(disk, drive.folder)
  const lost: string[] = []
  let open: Segment | undefined
  for (const { key, value } of rows) {
    const place = parseSegmentKey(key)
    if (place.drive !== drive.number) continue
    drive.nextSegment = Math.max(drive.nextSegment, place.segment + 1)
    const segment = new Segment(drive.number, place.segment, decodeSegment(value))
    const present = files.delete(place.segment)
    if (!present && segment.liveBytes === 0) {
      lost.push(key)
      continue
    }
    drive.segments.set(place.segment, segment)
    if (!present) {
      segment.isGone = true
      log.error({ folder: drive.folder, segment: key }, 'a file is gone')
      if (segment.state === 'open') segment.state = 'sealed'
      continue
    }
    if (segment.state === 'sealed') continue
    await measure(drive, segment)
    if (segment.state !== 'open') continue
    if (open !== undefined) open.state = 'sealed'
    open = segment
  }
  for (const unknown of files) drive.nextSegment = Math.max(drive.nextSegment, unknown + 1)
  if (files.size > 0) {
    log.warn(
      { folder: drive.folder, count: files.size },
      'segments that no row names are left alone',
    )
  }
  await forget(context, lost)
  return open
}

async function listSegments(disk: Disk, folder: string): Promise<Set<number>> {
  const names = await disk.list(folder)
  const numbers = names.map(parseSegmentFileName)
  return new Set(numbers.filter((number) => number !== undefined))
}

/** What of the file may be written to without growing it. */
async function measure(drive: Drive, segment: Segment): Promise<void> {
  const size = await drive.files.use(segment.number, (file) => file.sizeBytes())
  segment.allocatedBytes = size - (size % PAGE_BYTES)
}

/** Rows of segments whose file was not made, or was removed, before the row followed. */
async function forget(context: LoadContext, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  try {
    await context.db.write((batch) => {
      for (const key of keys) batch.del(segmentTree, key)
    })
  } catch (error) {
    // A database that may only be read keeps them: they do no harm.
    context.log.warn({ keys, error: String(error) }, 'rows of absent segments stay')
  }
}
