/** After a loss of rows: what segments hold is counted anew, from the rows that say where blocks lie. */

import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'
import type { Db } from '../../db/db.ts'
import { recordSize } from './record.ts'
import {
  decodeLocation,
  decodeSegment,
  encodeSegment,
  locationTree,
  segmentKey,
  segmentTree,
  type Location,
  type SegmentRow,
  type StoredSegment,
} from './rows.ts'

/** Locations between two lines of the log. */
const REPORT_LOCATIONS = 1_000_000

/** Of one segment: what the locations of its newest generation add up to. */
type Count = Omit<SegmentRow, 'state'>

interface RecountContext {
  readonly db: Db
  readonly log: Log
  /** Numbers of the drives that are there: what old rows say of others is left alone. */
  readonly drives: ReadonlySet<number>
}

/**
 * Makes the rows of the segments say what the locations say, on stable storage.
 *
 * A database that was repaired may hold rows of different times: a segment that counts as free or
 * ends early, and locations in it. What they name would be written over. So nobody appends to, or
 * empties, a segment before this was done; one whose row was wrong takes no further records. A location
 * of an older generation than its segment's names what is gone for certain.
 *
 * @param rows of all segments
 * @returns the rows as they are now
 */
export async function recountSegments(
  context: RecountContext,
  rows: readonly StoredSegment[],
): Promise<readonly StoredSegment[]> {
  const counts = await count(context)
  const before = new Map(rows.map(({ key, value }) => [key, value]))
  const after = new Map(before)
  for (const [key, value] of before) {
    const mended = mend(decodeSegment(value), counts.get(key))
    if (mended !== undefined) after.set(key, encodeSegment(mended))
  }
  for (const [key, counted] of counts) {
    if (!before.has(key)) after.set(key, encodeSegment({ ...counted, state: 'sealed' }))
  }
  const changed = [...after].filter(([key, value]) => before.get(key) !== value)
  for (let at = 0; at < changed.length; at += SCAN_SLICE_ROWS) {
    await context.db.write((batch) => {
      for (const [key, value] of changed.slice(at, at + SCAN_SLICE_ROWS)) {
        batch.put(segmentTree, key, value)
      }
    })
  }
  if (changed.length > 0) {
    context.log.warn(
      { segments: changed.length },
      'segments held other than their rows said, for rows were lost: they say it now',
    )
  }
  return [...after].map(([key, value]) => ({ key, value }))
}

async function count({ db, log, drives }: RecountContext): Promise<Map<string, Count>> {
  const counts = new Map<string, Count>()
  let after: string | undefined
  let counted = 0
  let unreported = 0
  for (;;) {
    const bounds = after === undefined ? {} : { gt: after }
    const slice = await db.range(locationTree, { limit: SCAN_SLICE_ROWS, ...bounds })
    for (const { value } of slice) {
      const location = decodeLocation(value)
      if (drives.has(location.drive)) add(counts, location)
    }
    if (slice.length < SCAN_SLICE_ROWS) return counts
    after = slice.at(-1)!.key
    unreported += slice.length
    if (unreported < REPORT_LOCATIONS) continue
    counted += unreported
    unreported = 0
    log.info({ blocks: counted }, 'counting what segments hold, for rows were lost')
  }
}

function add(counts: Map<string, Count>, location: Location): void {
  const { drive, segment, generation, sequence, offset, length } = location
  const key = segmentKey(drive, segment)
  const before = counts.get(key)
  if (before !== undefined && before.generation > generation) return
  const none = { generation, sequence: 0, endBytes: 0, liveBytes: 0 }
  const { sequence: next, endBytes, liveBytes } = before?.generation === generation ? before : none
  const size = recordSize(length)
  counts.set(key, {
    generation,
    sequence: Math.max(next, sequence + 1),
    endBytes: Math.max(endBytes, offset + size),
    liveBytes: liveBytes + size,
  })
}

/** @returns nothing where the row is right as it is */
function mend(row: SegmentRow, counted: Count | undefined): SegmentRow | undefined {
  if (counted === undefined || counted.generation < row.generation) {
    return row.liveBytes === 0 ? undefined : { ...row, liveBytes: 0 }
  }
  if (counted.generation > row.generation) return { ...counted, state: 'sealed' }
  const { liveBytes } = counted
  const sequence = Math.max(row.sequence, counted.sequence)
  const endBytes = Math.max(row.endBytes, counted.endBytes)
  const isRight =
    row.liveBytes === liveBytes &&
    row.endBytes === endBytes &&
    row.sequence === sequence &&
    row.state !== 'free'
  return isRight ? undefined : { ...counted, sequence, endBytes, state: 'sealed' }
}
