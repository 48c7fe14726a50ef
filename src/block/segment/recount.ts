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
 * Makes the rows of the segments say no less than the locations say, on stable storage.
 *
 * A database that was repaired may hold rows of different times: a segment that counts as free or
 * ends early, and locations in it. What they name would be written over. So nobody appends to, or
 * empties, a segment before this was done; one whose row was wrong takes no further records. Live bytes are never
 * lowered: what lies there may be a block whose location was lost.
 *
 * A location of an older generation than its segment's names what is gone for certain. It goes too: the
 * number of the segment may be used again, from the first generation on.
 *
 * @param rows of all segments
 * @returns the rows as they are now
 */
export async function recountSegments(
  context: RecountContext,
  rows: readonly StoredSegment[],
): Promise<readonly StoredSegment[]> {
  const { db, log } = context
  const before = new Map(rows.map(({ key, value }) => [key, decodeSegment(value)]))
  const counts = await count(context, before)
  const changed: StoredSegment[] = []
  for (const [key, counted] of counts) {
    const mended = mend(before.get(key), counted)
    if (mended !== undefined) changed.push({ key, value: encodeSegment(mended) })
  }
  for (let at = 0; at < changed.length; at += SCAN_SLICE_ROWS) {
    await db.write((batch) => {
      for (const { key, value } of changed.slice(at, at + SCAN_SLICE_ROWS)) {
        batch.put(segmentTree, key, value)
      }
    })
  }
  if (changed.length === 0) return rows
  const { length: segments } = changed
  log.warn(
    { segments },
    'segments held more than their rows said, for rows were lost: they say it now',
  )
  const after = new Map([...rows, ...changed].map(({ key, value }) => [key, value]))
  return [...after].map(([key, value]) => ({ key, value }))
}

/** Until no segment turned out to be of a later generation than was thought when a location of it passed. */
async function count(
  context: RecountContext,
  rows: ReadonlyMap<string, SegmentRow>,
): Promise<ReadonlyMap<string, Count>> {
  const newest = new Map([...rows].map(([key, { generation }]) => [key, generation]))
  for (;;) {
    const counts = new Map<string, Count>()
    if (!(await walk(context, { newest, counts }))) return counts
  }
}

interface Walk {
  /** Of each segment, the highest generation that anything named so far. */
  readonly newest: Map<string, number>
  readonly counts: Map<string, Count>
}

/** @returns whether a segment turned out to be of a later generation than was known */
async function walk(
  { db, log, drives }: RecountContext,
  { newest, counts }: Walk,
): Promise<boolean> {
  let isRaised = false
  let after: string | undefined
  let counted = 0
  let unreported = 0
  for (;;) {
    const bounds = after === undefined ? {} : { gt: after }
    const slice = await db.range(locationTree, { limit: SCAN_SLICE_ROWS, ...bounds })
    const stale: string[] = []
    for (const { key: hash, value } of slice) {
      const location = decodeLocation(value)
      if (!drives.has(location.drive)) continue
      const key = segmentKey(location.drive, location.segment)
      const known = newest.get(key)
      if (known !== undefined && location.generation < known) {
        stale.push(hash)
        continue
      }
      if (known !== location.generation) {
        newest.set(key, location.generation)
        isRaised = true
      }
      counts.set(key, add(counts.get(key), location))
    }
    await drop(db, stale)
    if (slice.length < SCAN_SLICE_ROWS) return isRaised
    after = slice.at(-1)!.key
    unreported += slice.length
    if (unreported < REPORT_LOCATIONS) continue
    counted += unreported
    unreported = 0
    log.info({ blocks: counted }, 'counting what segments hold, for rows were lost')
  }
}

/** Whoever refers to these wants them from the look at all blocks on. */
async function drop(db: Db, hashes: readonly string[]): Promise<void> {
  if (hashes.length === 0) return
  await db.write((batch) => {
    for (const hash of hashes) batch.del(locationTree, hash)
  })
}

function add(before: Count | undefined, location: Location): Count {
  const { generation, sequence, offset, length } = location
  const none = { sequence: 0, endBytes: 0, liveBytes: 0 }
  const soFar = before?.generation === generation ? before : none
  const size = recordSize(length)
  return {
    generation,
    sequence: Math.max(soFar.sequence, sequence + 1),
    endBytes: Math.max(soFar.endBytes, offset + size),
    liveBytes: soFar.liveBytes + size,
  }
}

/** @returns nothing where the row is right as it is */
function mend(row: SegmentRow | undefined, counted: Count): SegmentRow | undefined {
  if (row?.generation !== counted.generation) return { ...counted, state: 'sealed' }
  const liveBytes = Math.max(row.liveBytes, counted.liveBytes)
  const sequence = Math.max(row.sequence, counted.sequence)
  const endBytes = Math.max(row.endBytes, counted.endBytes)
  const isRight =
    row.liveBytes === liveBytes &&
    row.endBytes === endBytes &&
    row.sequence === sequence &&
    row.state !== 'free'
  return isRight ? undefined : { ...counted, sequence, endBytes, liveBytes, state: 'sealed' }
}
