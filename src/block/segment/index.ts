/** Where blocks lie: the rows of it, always written after the data's sync. */

import { assert } from '../../base/assert.ts'
import type { Batch, Db, Reader } from '../../db/db.ts'
import { recordSize } from './record.ts'
import {
  decodeLocation,
  encodeLocation,
  locationTree,
  sameLocation,
  type Location,
} from './rows.ts'
import type { Segment } from './segment.ts'

/**
 * Blocks by hash. Each method that takes a batch also keeps the live bytes of the segments it
 * touches, in their rows, so that these never need to be counted.
 */
export class BlockIndex {
  readonly #db: Db
  readonly #segmentOf: (location: Location) => Segment | undefined

  /** @param segmentOf the segment in its present generation, or nothing when it is not there */
  constructor(db: Db, segmentOf: (location: Location) => Segment | undefined) {
    this.#db = db
    this.#segmentOf = segmentOf
  }

  /** Where the block lies now. Its data is on stable storage, whether or not its row is yet. */
  find(hash: string, reader: Reader = this.#db): Location | undefined {
    const bytes = reader.get(locationTree, hash)
    return bytes === undefined ? undefined : decodeLocation(bytes)
  }

  /** The block lies at `location` from now on; an older record of it is dead. */
  place(batch: Batch, hash: string, location: Location): void {
    const before = this.find(hash, batch)
    if (before !== undefined) this.#count(batch, before, -1)
    batch.put(locationTree, hash, encodeLocation(location))
    this.#count(batch, location, 1)
  }

  /** Like `place`, unless the block was deleted or stored anew since it lay at `from`. */
  move(batch: Batch, hash: string, from: Location, to: Location): boolean {
    const now = this.find(hash, batch)
    if (now === undefined || !sameLocation(now, from)) return false
    this.place(batch, hash, to)
    return true
  }

  remove(batch: Batch, hash: string): void {
    const location = this.find(hash, batch)
    if (location === undefined) return
    batch.del(locationTree, hash)
    this.#count(batch, location, -1)
  }

  /** Whether the record at `location` is the one that the index names. */
  isAt(hash: string, location: Location): boolean {
    const now = this.find(hash)
    return now !== undefined && sameLocation(now, location)
  }

  async hashes(after: string | undefined, limit: number): Promise<readonly string[]> {
    const bounds = after === undefined ? { limit } : { gt: after, limit }
    const entries = await this.#db.range(locationTree, bounds)
    return entries.map((entry) => entry.key)
  }

  #count(batch: Batch, location: Location, sign: 1 | -1): void {
    const segment = this.#segmentOf(location)
    if (segment === undefined) return
    segment.countLive(sign * recordSize(location.length))
    assert(segment.liveBytes >= 0, 'a segment holds no fewer than no live records')
    segment.writeRow(batch)
  }
}
