/** Reads blocks and checks them: nothing of a block is believed before its hash was compared. */

import { BLOCK_READS_IN_FLIGHT_MAX, PAGE_BYTES } from '../base/limits.ts'
import type { Metrics } from '../base/metrics.ts'
import { Semaphore } from '../base/semaphore.ts'
import type { Drive } from './drives.ts'
import { BlockError, systemCode } from './errors.ts'
import type { BlockIndex } from './segment/index.ts'
import { isRecord, recordSize } from './segment/record.ts'
import type { Location } from './segment/rows.ts'
import type { Segment } from './segment/segment.ts'
import type { BlockSlab, BlockSlot } from './slab.ts'

export interface ReaderOptions {
  readonly index: BlockIndex
  readonly drives: ReadonlyMap<number, Drive>
  readonly slab: BlockSlab
  readonly metrics: Metrics
  /** Told of a block that is named here and is not what lies there, or cannot be read. */
  readonly onUnsound?: (hash: string, why: Unsound) => void
}

/** `unreadable` may be for a moment only. */
export type Unsound = 'changed' | 'unreadable'

export class BlockReader {
  readonly #index: BlockIndex
  readonly #drives: ReadonlyMap<number, Drive>
  readonly #slab: BlockSlab
  readonly #reads = new Semaphore(BLOCK_READS_IN_FLIGHT_MAX)
  readonly #corrupt: (amount?: number) => void
  readonly #onUnsound: ReaderOptions['onUnsound']

  constructor(options: ReaderOptions) {
    this.#index = options.index
    this.#drives = options.drives
    this.#slab = options.slab
    this.#onUnsound = options.onUnsound
    this.#corrupt = options.metrics.counter(
      'block_corrupt_total',
      'Blocks read whose record did not match their hash',
    )
  }

  /** The segment of a location, if it is there in the generation that the location names. */
  segmentOf(location: Location): Segment | undefined {
    const segment = this.#drives.get(location.drive)?.segments.get(location.segment)
    return segment?.generation === location.generation ? segment : undefined
  }

  /**
   * Reads a block into a slot. Its segment is held from the moment the index was asked, so that
   * compaction cannot have it written anew meanwhile.
   *
   * @throws {BlockError} `BlockMissing`, `BlockCorrupt`, `DriveFailed`; the reason of the signal, when
   *   it was aborted before the drive was asked
   */
  async read(hash: string, slot: BlockSlot, signal?: AbortSignal): Promise<Uint8Array> {
    const enter = await this.#reads.acquire()
    try {
      signal?.throwIfAborted()
      const location = this.#index.find(hash)
      if (location === undefined) {
        throw new BlockError('BlockMissing', `Cannot read block "${hash}": it is not here`, {
          details: { hash },
        })
      }
      await this.readAt(hash, location, slot)
      return slot.data.subarray(0, location.length)
    } finally {
      enter()
    }
  }

  /** Reads the whole record at `location`, header included, and checks it. */
  async readAt(hash: string, location: Location, slot: BlockSlot): Promise<void> {
    const segment = this.segmentOf(location)
    if (segment === undefined) throw this.#unsound(hash, 'its segment is not here')
    const release = segment.hold()
    try {
      const size = recordSize(location.length)
      const record = slot.record.subarray(0, size)
      const count = await this.#readBytes(location, record).catch((error: unknown) => {
        // A sector that cannot be read is as bad as one that changed. A whole file that went is seen to elsewhere.
        if (!segment.isGone) {
          segment.setVerified(location.sequence, false)
          this.#onUnsound?.(hash, 'unreadable')
        }
        throw error
      })
      const sound = count === size && isRecord(record, { hash, ...location })
      segment.setVerified(location.sequence, sound)
      if (!sound) throw this.#unsound(hash, `what lies at ${location.offset} is not it`)
    } finally {
      release()
    }
  }

  /** Whether the block lies here and was seen whole since start; looks at it when it was not. */
  async isSound(hash: string): Promise<boolean> {
    const location = this.#index.find(hash)
    if (location === undefined) return false
    const segment = this.segmentOf(location)
    // Though it was seen whole before its file went: `has` says the same.
    if (segment?.isGone === true) return false
    if (segment?.isVerified(location.sequence) === true) return true
    const slot = await this.#slab.takeReserved()
    try {
      await this.read(hash, slot)
      return true
    } catch (error) {
      // Whatever keeps it from being read, the writer still has the bytes.
      if (error instanceof BlockError) return false
      throw error
    } finally {
      slot.release()
    }
  }

  /** One page of a segment that the caller holds. */
  async readPage(segment: Segment, offset: number, slot: BlockSlot): Promise<Uint8Array> {
    const page = slot.record.subarray(0, PAGE_BYTES)
    const place = { drive: segment.drive, segment: segment.number, offset }
    const count = await this.#readBytes(place, page)
    return page.subarray(0, count)
  }

  async #readBytes(
    place: { drive: number; segment: number; offset: number },
    target: Uint8Array,
  ): Promise<number> {
    const drive = this.#drives.get(place.drive)!
    try {
      return await drive.files.use(place.segment, (file) => file.read(target, place.offset))
    } catch (error) {
      const code = systemCode(error) ?? String(error)
      const segment = drive.segments.get(place.segment)
      if (code === 'ENOENT' && segment !== undefined) segment.isGone = true
      throw new BlockError('DriveFailed', `Cannot read blocks in "${drive.folder}": ${code}`, {
        details: { folder: drive.folder },
        cause: error,
      })
    }
  }

  #unsound(hash: string, why: string): BlockError {
    this.#corrupt()
    this.#onUnsound?.(hash, 'changed')
    return new BlockError('BlockCorrupt', `Cannot read block "${hash}": ${why}`, {
      details: { hash },
    })
  }
}
