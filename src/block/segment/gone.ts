/** Finds the blocks of files that are gone, so that they are brought from other owners at once. */

import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'
import type { Db, Reader } from '../../db/db.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import type { Drive } from '../drives.ts'
import type { BlockReader } from '../reader.ts'
import type { References } from '../references.ts'
import type { BlockIndex } from './index.ts'
import { decodeLocation, locationTree } from './rows.ts'
import type { Segment } from './segment.ts'

/** Between two looks for a file that was found gone only when it was read. */
const INTERVAL_MS = 30_000
/** Wanted in one batch: it is filled in one turn, and requests wait for that. */
const BATCH_HASHES = 128

export interface GoneSegmentsOptions {
  readonly db: Db
  readonly log: Log
  readonly index: BlockIndex
  readonly references: References
  readonly reader: BlockReader
  readonly drives: ReadonlyMap<number, Drive>
}

/** A walk over all locations, and how far it is. */
interface Walk {
  readonly segments: ReadonlySet<Segment>
  after: string | undefined
  /** Blocks seen that lie in one of the segments and are referred to. */
  wanted: number
}

/**
 * The worker that walks the locations once for all segments whose file is gone. The index is by
 * hash, so that there is no shorter way; without such a segment nothing is walked.
 *
 * What nothing refers to when the walk passes is wanted once something does, for `has` says that it
 * is not here. A walk that was cut off begins anew at the next start.
 */
export class GoneSegments implements Worker {
  readonly name = 'block-gone'
  readonly intervalMs = INTERVAL_MS
  readonly tranquility = 1
  readonly #options: GoneSegmentsOptions
  readonly #walked = new WeakSet<Segment>()
  #walk: Walk | undefined

  constructor(options: GoneSegmentsOptions) {
    this.#options = options
  }

  /** Whether there is a file whose blocks are not all wanted yet. */
  get isDue(): boolean {
    return (this.#walk ?? this.#begin()) !== undefined
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    this.#walk ??= this.#begin()
    const walk = this.#walk
    if (walk === undefined) return 'idle'
    const from = walk.after === undefined ? {} : { gt: walk.after }
    const rows = await this.#options.db.range(locationTree, { limit: SCAN_SLICE_ROWS, ...from })
    const inside = rows.filter(({ value }) => {
      const segment = this.#options.reader.segmentOf(decodeLocation(value))
      return segment !== undefined && walk.segments.has(segment)
    })
    for (let start = 0; start < inside.length; start += BATCH_HASHES) {
      signal.throwIfAborted()
      const hashes = inside.slice(start, start + BATCH_HASHES).map(({ key }) => key)
      walk.wanted += await this.#want(hashes, walk.segments)
    }
    walk.after = rows.at(-1)?.key
    if (rows.length === SCAN_SLICE_ROWS) return 'busy'
    this.#end(walk)
    return 'busy'
  }

  #begin(): Walk | undefined {
    const segments = new Set<Segment>()
    for (const drive of this.#options.drives.values()) {
      for (const segment of drive.segments.values()) {
        if (segment.isGone && !this.#walked.has(segment)) segments.add(segment)
      }
    }
    return segments.size === 0 ? undefined : { segments, after: undefined, wanted: 0 }
  }

  /** @returns how many of them are wanted now */
  async #want(hashes: readonly string[], segments: ReadonlySet<Segment>): Promise<number> {
    const { db, references } = this.#options
    let wanted = 0
    await db.write((batch) => {
      wanted = 0
      for (const hash of hashes) {
        // It may have come, or been deleted, since its row was read.
        if (!this.#liesIn(segments, hash, batch)) continue
        if (references.lost(batch, hash)) wanted++
      }
    })
    return wanted
  }

  #liesIn(segments: ReadonlySet<Segment>, hash: string, reader: Reader): boolean {
    const location = this.#options.index.find(hash, reader)
    const segment = location && this.#options.reader.segmentOf(location)
    return segment !== undefined && segments.has(segment)
  }

  #end(walk: Walk): void {
    for (const segment of walk.segments) this.#walked.add(segment)
    this.#walk = undefined
    this.#options.log.warn(
      { files: walk.segments.size, blocks: walk.wanted },
      'blocks of files that are gone are wanted from other owners',
    )
  }
}
