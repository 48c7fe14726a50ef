/** After a loss of rows: what segments hold is counted anew, from the rows that say where blocks lie. */

import { PAGE_BYTES, SCAN_SLICE_ROWS } from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'
import type { Db } from '../../db/db.ts'
import type { Drive } from '../drives.ts'
import { systemCode } from '../errors.ts'
import type { BlockSlab, BlockSlot } from '../slab.ts'
import { readHeader, recordSize } from './record.ts'
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

/** What the locations of one use of a segment add up to. */
type Count = Omit<SegmentRow, 'state'>

/** Of each segment, by its key, what the locations of each generation add up to. */
type Counts = Map<string, Map<number, Count>>

interface RecountContext {
  readonly db: Db
  readonly log: Log
  /** What old rows say of others is left alone. */
  readonly drives: ReadonlyMap<number, Drive>
  readonly slab: BlockSlab
}

/**
 * Makes the rows of the segments say no less than the locations say, on stable storage.
 *
 * A database that was repaired may hold rows of different times: a segment that counts as free or
 * ends early, and locations in it. What they name would be written over. So nobody appends to, or
 * empties, a segment before this was done; one whose row was wrong takes no further records. Live bytes are never
 * lowered: what lies there may be a block whose location was lost.
 *
 * Where generations differ the file decides: the newest one of which a record lies there is the one that counts.
 * Locations of the others go, for the number of a segment may be used again, from the first generation on.
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
  const counts = await countAll(context)
  const doubtful = new Set<string>()
  for (const [key, generations] of counts) {
    const known = before.get(key)?.generation
    const isOne = generations.size === 1 && (known === undefined || generations.has(known))
    if (!isOne) doubtful.add(key)
  }
  if (doubtful.size > 0) await settle(context, { counts, doubtful, rows: before })
  const changed: StoredSegment[] = []
  for (const [key, generations] of counts) {
    const [counted] = generations.values()
    const mended = counted && mend(before.get(key), counted)
    if (mended !== undefined) changed.push({ key, value: encodeSegment(mended) })
  }
  if (changed.length === 0) return rows
  for (let at = 0; at < changed.length; at += SCAN_SLICE_ROWS) {
    await db.write((batch) => {
      for (const { key, value } of changed.slice(at, at + SCAN_SLICE_ROWS)) {
        batch.put(segmentTree, key, value)
      }
    })
  }
  log.warn(
    { segments: changed.length },
    'segments held other than their rows said, for rows were lost: they say it now',
  )
  const after = new Map([...rows, ...changed].map(({ key, value }) => [key, value]))
  return [...after].map(([key, value]) => ({ key, value }))
}

/** Calls `look` with every location on a drive that is there. */
async function eachLocation(
  { db, log, drives }: RecountContext,
  look: (location: Location, key: string, hash: string) => Promise<void> | void,
): Promise<void> {
  let after: string | undefined
  let counted = 0
  let unreported = 0
  for (;;) {
    const bounds = after === undefined ? {} : { gt: after }
    const slice = await db.range(locationTree, { limit: SCAN_SLICE_ROWS, ...bounds })
    for (const { key: hash, value } of slice) {
      const location = decodeLocation(value)
      if (!drives.has(location.drive)) continue
      await look(location, segmentKey(location.drive, location.segment), hash)
    }
    if (slice.length < SCAN_SLICE_ROWS) return
    after = slice.at(-1)!.key
    unreported += slice.length
    if (unreported < REPORT_LOCATIONS) continue
    counted += unreported
    unreported = 0
    log.info({ blocks: counted }, 'counting what segments hold, for rows were lost')
  }
}

async function countAll(context: RecountContext): Promise<Counts> {
  const counts: Counts = new Map()
  await eachLocation(context, (location, key) => add(counts, key, location))
  return counts
}

/**
 * Leaves of each doubtful segment the one generation that its file has, or none; the other locations go. Where
 * the file cannot be read nothing goes, and what all of them add up to stays taken.
 */
async function settle(
  context: RecountContext,
  what: {
    readonly counts: Counts
    readonly doubtful: ReadonlySet<string>
    readonly rows: ReadonlyMap<string, SegmentRow>
  },
): Promise<void> {
  const { counts, doubtful, rows } = what
  const seen: { readonly hash: string; readonly key: string; readonly location: Location }[] = []
  const there: Counts = new Map()
  const unread = new Set<string>()
  const slot = await context.slab.takeReserved()
  try {
    await eachLocation(context, async (location, key, hash) => {
      if (!doubtful.has(key)) return
      seen.push({ hash, key, location })
      const drive = context.drives.get(location.drive)!
      const place = await lookAt(drive, { location, hash, slot })
      if (place === 'there') add(there, key, location)
      else if (place === 'unread') unread.add(key)
    })
  } finally {
    slot.release()
  }
  for (const key of doubtful) {
    const generations = unread.has(key) ? [] : [...(there.get(key) ?? [])]
    counts.set(key, new Map(generations.toSorted(([one], [other]) => other - one).slice(0, 1)))
  }
  for (const { key, location } of seen) {
    const generation = rows.get(key)?.generation
    if (unread.has(key) && generation !== undefined) add(counts, key, { ...location, generation })
  }
  const gone = seen.filter(
    ({ key, location }) => !unread.has(key) && !counts.get(key)!.has(location.generation),
  )
  for (let at = 0; at < gone.length; at += SCAN_SLICE_ROWS) {
    await context.db.write((batch) => {
      // Whoever refers to these wants them from the look at all blocks on.
      for (const { hash } of gone.slice(at, at + SCAN_SLICE_ROWS)) batch.del(locationTree, hash)
    })
  }
}

/** Whether a record begins there with just this header. */
async function lookAt(
  drive: Drive,
  what: { readonly location: Location; readonly hash: string; readonly slot: BlockSlot },
): Promise<'there' | 'gone' | 'unread'> {
  const { location, hash, slot } = what
  const page = slot.record.subarray(0, PAGE_BYTES)
  try {
    const count = await drive.files.use(location.segment, (file) =>
      file.read(page, location.offset),
    )
    const header = readHeader(page.subarray(0, count))
    const isThere =
      header?.hash === hash &&
      header.segment === location.segment &&
      header.generation === location.generation
    return isThere ? 'there' : 'gone'
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? 'gone' : 'unread'
  }
}

function add(counts: Counts, key: string, location: Location): void {
  const { generation, sequence, offset, length } = location
  const generations = counts.get(key) ?? new Map<number, Count>()
  const soFar = generations.get(generation) ?? { sequence: 0, endBytes: 0, liveBytes: 0 }
  const size = recordSize(length)
  counts.set(key, generations)
  generations.set(generation, {
    generation,
    sequence: Math.max(soFar.sequence, sequence + 1),
    endBytes: Math.max(soFar.endBytes, offset + size),
    liveBytes: soFar.liveBytes + size,
  })
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
