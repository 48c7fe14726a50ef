/** Gives space back: live records of emptying segments move on, emptied segments are used again. */

import {
  COMPACTION_LIVE_PERCENT,
  COMPACTION_LIVE_PERCENT_FULL,
  MIB,
  PAGE_BYTES,
  SEGMENTS_FREE_MAX,
} from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'
import type { Metrics } from '../../base/metrics.ts'
import type { Db } from '../../db/db.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import type { Drive } from '../drives.ts'
import { BlockError } from '../errors.ts'
import type { BlockReader } from '../reader.ts'
import type { BlockSlab, BlockSlot } from '../slab.ts'
import type { Appender } from './appender.ts'
import type { BlockIndex } from './index.ts'
import { readHeader, recordSize, type RecordHeader } from './record.ts'
import { segmentKey, segmentTree, type Location } from './rows.ts'
import type { Segment } from './segment.ts'

/** Looked at, or moved, in one step. */
const STEP_BYTES = 8 * MIB
const INTERVAL_MS = 30_000

export interface CompactionOptions {
  readonly db: Db
  readonly log: Log
  readonly metrics: Metrics
  readonly index: BlockIndex
  readonly reader: BlockReader
  readonly slab: BlockSlab
  readonly drives: ReadonlyMap<number, Drive>
  readonly appenders: ReadonlyMap<number, Appender>
}

/** A segment that is being emptied, and how far. */
interface Pass {
  readonly drive: Drive
  readonly segment: Segment
  offset: number
  /** Every page is looked at: a stale record in a gap may have hidden a live one behind it. */
  thorough: boolean
  /** A page could not be read: told once. */
  hasFailed?: boolean
}

/**
 * The worker that empties segments.
 *
 * A record is copied whole, checked, synced and indexed before the old one counts as dead. A
 * segment is emptied on stable storage, and read by nobody, before its file is removed or written
 * anew. A corrupt record is not copied and keeps its segment, until its block is deleted or sent
 * again.
 */
export class Compaction implements Worker {
  readonly name = 'block-compaction'
  readonly intervalMs = INTERVAL_MS
  readonly tranquility = 1
  readonly #options: CompactionOptions
  readonly #moved: (amount?: number) => void
  #pass: Pass | undefined
  /** Live bytes of segments that a pass could not empty: tried again once that has changed. */
  readonly #stuck = new WeakMap<Segment, number>()

  constructor(options: CompactionOptions) {
    this.#options = options
    this.#moved = options.metrics.counter(
      'block_compaction_moved_bytes_total',
      'Bytes of live records that compaction copied',
    )
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    this.#pass ??= await this.#choose()
    const pass = this.#pass
    if (pass === undefined) return 'idle'
    try {
      const ended = pass.segment.liveBytes === 0 || (await this.#advance(pass, signal))
      if (!ended) return 'busy'
      this.#pass = undefined
      if (pass.segment.liveBytes === 0) await this.#release(pass)
      else if (!pass.thorough) this.#pass = { ...pass, offset: 0, thorough: true }
      else this.#stuck.set(pass.segment, pass.segment.liveBytes)
      return 'busy'
    } catch (error) {
      this.#pass = undefined
      throw error
    }
  }

  /** The sealed segment with the smallest live part, if any is worth emptying. */
  async #choose(): Promise<Pass | undefined> {
    let best: { pass: Pass; percent: number } | undefined
    for (const drive of this.#options.drives.values()) {
      if (drive.failed) continue
      await drive.readSpace()
      const limit = drive.isFull ? COMPACTION_LIVE_PERCENT_FULL : COMPACTION_LIVE_PERCENT
      await this.#options.appenders.get(drive.number)!.retire(COMPACTION_LIVE_PERCENT)
      await this.#trim(drive)
      for (const segment of drive.segments.values()) {
        if (segment.state !== 'sealed' || segment.appends > 0) continue
        // Nothing can be moved out of a file that is gone.
        if (segment.isGone && segment.liveBytes > 0) continue
        if (this.#stuck.get(segment) === segment.liveBytes) continue
        const percent = (segment.liveBytes / Math.max(PAGE_BYTES, segment.endBytes)) * 100
        if (percent > limit || percent >= (best?.percent ?? Infinity)) continue
        best = { pass: { drive, segment, offset: 0, thorough: false }, percent }
      }
    }
    return best?.pass
  }

  /** @returns whether the end of the segment was reached */
  async #advance(pass: Pass, signal: AbortSignal): Promise<boolean> {
    const { segment } = pass
    const stepEnd = pass.offset + STEP_BYTES
    const slot = await this.#options.slab.takeReserved(signal)
    const release = segment.hold()
    try {
      while (pass.offset < segment.endBytes && pass.offset < stepEnd) {
        signal.throwIfAborted()
        const header = await this.#headerAt(pass, slot)
        if (header === undefined || !belongs(header, segment)) {
          // A gap that a failed write left, or a page gone bad: the next record begins on some page.
          pass.offset += PAGE_BYTES
          continue
        }
        const isLive = await this.#move(pass, header, slot)
        pass.offset += isLive || !pass.thorough ? recordSize(header.length) : PAGE_BYTES
      }
      return pass.offset >= segment.endBytes
    } finally {
      release()
      slot.release()
    }
  }

  /** Undefined where no record begins, or the page cannot be read: what is there then stays where it is. */
  async #headerAt(pass: Pass, slot: BlockSlot): Promise<RecordHeader | undefined> {
    const { segment, offset } = pass
    try {
      return readHeader(await this.#options.reader.readPage(segment, offset, slot))
    } catch (error) {
      if (!(error instanceof BlockError) || segment.isGone) throw error
      if (pass.hasFailed !== true) {
        const { log } = this.#options
        log.warn(
          { segment: segment.number, offset, error: error.message },
          'a page was left in place',
        )
      }
      pass.hasFailed = true
      return undefined
    }
  }

  /**
   * Copies the record to the open segment of its drive if the index still names it.
   *
   * @returns whether it does
   */
  async #move(pass: Pass, header: RecordHeader, slot: BlockSlot): Promise<boolean> {
    const { index, reader, appenders } = this.#options
    const { hash, generation, sequence, length } = header
    const { drive, segment, offset } = pass
    const from: Location = {
      drive: drive.number,
      segment: segment.number,
      generation,
      sequence,
      offset,
      length,
    }
    if (!index.isAt(hash, from)) return false
    try {
      await reader.readAt(hash, from, slot)
    } catch (error) {
      if (!(error instanceof BlockError)) throw error
      this.#options.log.error({ hash, error: error.message }, 'a corrupt block was left in place')
      return true
    }
    await appenders.get(drive.number)!.append({
      slot,
      hash,
      length,
      reserve: true,
      commit: (batch, to) => {
        if (!index.move(batch, hash, from, to)) return
        reader.segmentOf(to)?.setVerified(to.sequence, true)
        this.#moved(length)
      },
    })
    return true
  }

  /** Makes an emptied segment free on stable storage; then it waits to be used again, or goes. */
  async #release(pass: Pass): Promise<void> {
    const { drive, segment } = pass
    if (segment.isGone) {
      await this.#forget(drive, segment)
      return
    }
    segment.state = 'free'
    // Stable after every batch that emptied it: no index row names it any more, even after a crash.
    await this.#options.db.write((batch) => segment.writeRow(batch))
    await segment.idle()
    segment.reusable = true
    await this.#trim(drive)
  }

  /** Removes the free segments of a drive beyond the few that are kept; all while it is full. */
  async #trim(drive: Drive): Promise<void> {
    const free = [...drive.segments.values()].filter((segment) => segment.reusable)
    for (const segment of free.slice(drive.isFull ? 0 : SEGMENTS_FREE_MAX)) {
      if (!segment.reusable) continue
      segment.reusable = false
      await this.#forget(drive, segment)
    }
  }

  /** The file first: one that no row names would stay for ever. */
  async #forget(drive: Drive, segment: Segment): Promise<void> {
    drive.segments.delete(segment.number)
    await drive.files.remove(segment.number)
    const key = segmentKey(drive.number, segment.number)
    await this.#options.db.write((batch) => batch.del(segmentTree, key))
  }
}

function belongs(header: RecordHeader, segment: Segment): boolean {
  return header.segment === segment.number && header.generation === segment.generation
}
