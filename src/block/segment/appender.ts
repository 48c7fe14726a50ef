/** Writes records to a drive's open segment: many at once, one sync for all that are ready. */

import type { Clock } from '../../base/clock.ts'
import type { DiskFile } from '../../base/disk.ts'
import { BLOCK_WRITES_IN_FLIGHT_MAX } from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'
import { Semaphore } from '../../base/semaphore.ts'
import type { Batch, Db } from '../../db/db.ts'
import type { Drive } from '../drives.ts'
import { BlockError, isWithoutRoom } from '../errors.ts'
import type { BlockSlot } from '../slab.ts'
import { recordSize, sealRecord } from './record.ts'
import { segmentKey, segmentTree, type Location } from './rows.ts'
import { Segment } from './segment.ts'

export interface AppenderOptions {
  readonly db: Db
  readonly clock: Clock
  readonly log: Log
  /** Told once, when the drive has failed. */
  readonly onFatal: (error: Error) => void
  /** Zeros, page-aligned, never written: what files are grown with. */
  readonly zeros: Uint8Array
  readonly segmentBytes: number
  readonly stepBytes: number
}

/** One block to be written from the slot that it stands in. */
export interface Append {
  readonly slot: BlockSlot
  readonly hash: string
  readonly length: number
  /** The reserve of the drive may be used: compaction, which gives more back. */
  readonly reserve: boolean
  /** Names the record in the index; runs once its data is on stable storage. */
  readonly commit: (batch: Batch, location: Location) => void
}

/** A record whose bytes are written and wait for the next sync. */
interface Ready {
  readonly segment: Segment
  readonly append: Append
  readonly location: Location
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * The only writer of a drive's segments.
 *
 * Order: record, then one `datasync` for all that are written, then their index rows in one batch,
 * then the answers. A failed write or sync is never tried again: the drive has failed.
 */
export class Appender {
  readonly #drive: Drive
  readonly #options: AppenderOptions
  /** Reservations are made one after another; making room holds up those behind. */
  readonly #gate = new Semaphore(1)
  readonly #writes = new Semaphore(BLOCK_WRITES_IN_FLIGHT_MAX)
  /**
   * Of the syncs one at a time. Of two that overlap the system tells a failure to one alone (Linux, of
   * one open file), though it may have lost what the other one covered.
   */
  readonly #syncs = new Semaphore(1)
  #open: Segment | undefined
  #growing: Promise<void> | undefined
  #ready: Ready[] = []
  #draining: Promise<void> | undefined

  constructor(drive: Drive, options: AppenderOptions) {
    this.#drive = drive
    this.#options = options
  }

  /** Goes on in a segment that was open when the node ended. Its file has been measured. */
  resume(segment: Segment): void {
    this.#open = segment
  }

  /**
   * Writes one record; resolves when it and its index row are on stable storage. The slot may be
   * used again then, and not before.
   *
   * @throws {BlockError} `DriveFull`, `DriveFailed`
   */
  async append(append: Append): Promise<void> {
    const release = await this.#writes.acquire()
    let segment: Segment | undefined
    try {
      const place = await this.#reserve(recordSize(append.length), append.reserve)
      segment = place.segment
      const location = this.#locate(place, append.length)
      await this.#write(segment, append, location)
      release()
      await this.#synced(segment, append, location)
    } finally {
      release()
      if (segment !== undefined) segment.appends--
    }
  }

  /**
   * Seals the open segment if no more than `livePercent` of it is live and nothing is being
   * written to it: else what was deleted from a quiet node's last segment would stay for ever.
   */
  async retire(livePercent: number): Promise<void> {
    const release = await this.#gate.acquire()
    try {
      await this.#growing?.catch(() => undefined)
      const segment = this.#open
      if (segment === undefined || segment.appends > 0) return
      if (segment.endBytes < this.#options.stepBytes) return
      if (segment.liveBytes * 100 > segment.endBytes * livePercent) return
      this.#open = undefined
      segment.state = 'sealed'
      await this.#options.db.write((batch) => segment.writeRow(batch))
    } finally {
      release()
    }
  }

  /** Resolves when nothing is written any more. Whoever comes later is refused. */
  async stop(): Promise<void> {
    const release = await this.#writes.acquire(BLOCK_WRITES_IN_FLIGHT_MAX)
    await this.#growing?.catch(() => undefined)
    await this.#draining
    this.#drive.fail(new Error('the node has stopped'))
    release()
  }

  #locate(place: { segment: Segment; offset: number; sequence: number }, length: number): Location {
    const { segment, offset, sequence } = place
    const { generation } = segment
    return {
      drive: this.#drive.number,
      segment: segment.number,
      generation,
      sequence,
      offset,
      length,
    }
  }

  async #write(segment: Segment, append: Append, location: Location): Promise<void> {
    const record = sealRecord(append.slot.record, { hash: append.hash, ...location })
    try {
      await this.#drive.files.use(segment.number, (file) => file.write(record, location.offset))
    } catch (error) {
      if (isWithoutRoom(error)) throw this.#full()
      throw this.#fail(error)
    }
  }

  #fail(error: unknown): BlockError {
    const first = !this.#drive.failed
    const failure = this.#drive.fail(error)
    if (first) this.#options.onFatal(failure)
    return failure
  }

  // Room

  async #reserve(
    size: number,
    reserve: boolean,
  ): Promise<{ segment: Segment; offset: number; sequence: number }> {
    const release = await this.#gate.acquire()
    try {
      this.#drive.assertSound()
      let segment = this.#open
      const takes =
        segment?.isGone === false && segment.reservedBytes + size <= this.#options.segmentBytes
      if (segment === undefined || !takes) segment = await this.#next(reserve)
      while (segment.reservedBytes + size > segment.allocatedBytes) {
        // A step under way may be refused what this one may take.
        if (this.#growing === undefined) await this.#grow(segment, reserve)
        else await this.#growing.catch(() => undefined)
      }
      const place = { segment, ...segment.reserve(size) }
      this.#growAhead(segment)
      return place
    } finally {
      release()
    }
  }

  /** Makes room before it is needed, so that writers seldom wait for zeros. */
  #growAhead(segment: Segment): void {
    const { segmentBytes, stepBytes } = this.#options
    const left = segment.allocatedBytes - segment.reservedBytes
    if (segment.allocatedBytes >= segmentBytes || left >= stepBytes / 2) return
    if (this.#growing !== undefined) return
    // Whoever needs the room tries again, and tells.
    this.#grow(segment, false).catch(() => undefined)
  }

  #grow(segment: Segment, reserve: boolean): Promise<void> {
    const growing = this.#writeZeros(segment, reserve).finally(() => {
      this.#growing = undefined
    })
    this.#growing = growing
    return growing
  }

  async #writeZeros(segment: Segment, reserve: boolean): Promise<void> {
    const { zeros, segmentBytes, stepBytes } = this.#options
    const from = segment.allocatedBytes
    const to = Math.min(segmentBytes, from + stepBytes)
    if (!(await this.#drive.hasRoomFor(to - from, reserve))) throw this.#full()
    try {
      await this.#drive.files.use(segment.number, async (file) => {
        for (let at = from; at < to; at += zeros.length) {
          await file.write(zeros.subarray(0, Math.min(zeros.length, to - at)), at)
        }
        await this.#sync(file)
      })
    } catch (error) {
      if (isWithoutRoom(error)) throw this.#full()
      throw this.#fail(error)
    }
    segment.allocatedBytes = to
  }

  /** Whoever waits behind one that fails is refused: what it wrote may be lost too. */
  #sync(file: DiskFile): Promise<void> {
    return this.#syncs.run(async () => {
      this.#drive.assertSound()
      try {
        await file.datasync()
      } catch (error) {
        // Of no space too: where a file system copies on write it may be what overwrites zeros that had none.
        throw this.#fail(error)
      }
    })
  }

  #full(): BlockError {
    const { folder } = this.#drive
    return new BlockError('DriveFull', `Cannot store a block in "${folder}": it is full`, {
      details: { folder },
    })
  }

  /** Opens the next segment: an emptied one if there is, else a new file. */
  async #next(reserve: boolean): Promise<Segment> {
    // A step under way belongs to the segment that is full now.
    await this.#growing?.catch(() => undefined)
    const free = [...this.#drive.segments.values()].find((segment) => segment.reusable)
    const segment = free ?? (await this.#newSegment(reserve))
    if (free !== undefined) free.recycle()
    const before = this.#open
    this.#open = segment
    if (before !== undefined) before.state = 'sealed'
    const stable = this.#options.db.write((batch) => {
      before?.writeRow(batch)
      segment.writeRow(batch)
    })
    // Later batches become stable after this one, so the first index row vouches for it.
    stable.catch((error: unknown) => this.#fail(error))
    return segment
  }

  /** The row first, then the file: a file that no row names is never made. */
  async #newSegment(reserve: boolean): Promise<Segment> {
    if (!(await this.#drive.hasRoomFor(this.#options.stepBytes, reserve))) throw this.#full()
    const { number: drive, nextSegment: number } = this.#drive
    const row = { generation: 1, sequence: 0, endBytes: 0, liveBytes: 0 } as const
    const segment = new Segment(drive, number, { state: 'open', ...row })
    this.#drive.nextSegment++
    await this.#options.db.write((batch) => segment.writeRow(batch))
    try {
      await this.#drive.files.create(number)
    } catch (error) {
      if (!isWithoutRoom(error)) throw this.#fail(error)
      await this.#options.db.write((batch) => batch.del(segmentTree, segmentKey(drive, number)))
      throw this.#full()
    }
    this.#drive.segments.set(number, segment)
    return segment
  }

  // Groups

  #synced(segment: Segment, append: Append, location: Location): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ready.push({ segment, append, location, resolve, reject })
      this.#draining ??= this.#drain()
    })
  }

  async #drain(): Promise<void> {
    // Writes that end in the same turn share the sync.
    await new Promise<void>((resolve) => this.#options.clock.soon(resolve))
    while (this.#ready.length > 0) {
      const group = this.#ready
      this.#ready = []
      try {
        for (const segment of new Set(group.map((ready) => ready.segment))) {
          await this.#drive.files.use(segment.number, (file) => this.#sync(file))
        }
      } catch (error) {
        const failure = error instanceof BlockError ? error : this.#fail(error)
        for (const ready of group) ready.reject(failure)
        continue
      }
      void this.#index(group)
    }
    // In the turn in which the last group was found empty: nobody is left waiting.
    this.#draining = undefined
  }

  /** Not awaited by the next group: its sync runs while these rows are written. */
  async #index(group: readonly Ready[]): Promise<void> {
    try {
      await this.#options.db.write((batch) => {
        for (const { segment, append, location } of group) {
          segment.countEnd(location.sequence, location.offset + recordSize(location.length))
          append.commit(batch, location)
          segment.writeRow(batch)
        }
      })
      for (const ready of group) ready.resolve()
    } catch (error) {
      for (const ready of group) ready.reject(error)
    }
  }
}
