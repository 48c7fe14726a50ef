/** One append-only file of a drive: what it holds, who reads it, and what of it was verified. */

import { assert } from '../../base/assert.ts'
import type { Batch } from '../../db/db.ts'
import {
  encodeSegment,
  segmentKey,
  segmentTree,
  type SegmentRow,
  type SegmentState,
} from './rows.ts'

export function segmentFileName(segment: number): string {
  return `${segment.toString(16).padStart(8, '0')}.segment`
}

/** The number in a segment's file name; nothing for other files. */
export function parseSegmentFileName(name: string): number | undefined {
  const match = /^([0-9a-f]{8})\.segment$/.exec(name)
  return match === null ? undefined : parseInt(match[1]!, 16)
}

/**
 * The state of a segment in memory; its row follows in the batches that change it.
 *
 * Invariant: while `readers` or `appends` is not zero the file is neither removed nor written anew.
 */
export class Segment {
  readonly drive: number
  readonly number: number
  state: SegmentState
  generation: number
  /** Bytes of the file that are written, be it with zeros. */
  allocatedBytes = 0
  /** Where the next record goes; from `endBytes` on the records are not indexed yet. */
  reservedBytes: number
  /** Records that are reserved and neither indexed nor given up. */
  appends = 0
  /** The file is not there, though blocks should lie in it. */
  isGone = false
  /** Free, and known to be so on stable storage, and read by nobody: may be written anew. */
  reusable = false
  #row: SegmentRow
  #nextSequence: number
  #readers = 0
  #idle: (() => void)[] = []
  #verified = new Uint8Array(32)
  #damaged = new Set<number>()

  constructor(drive: number, number: number, row: SegmentRow) {
    this.drive = drive
    this.number = number
    this.state = row.state
    this.generation = row.generation
    this.reservedBytes = row.endBytes
    this.#row = row
    this.#nextSequence = row.sequence
    this.reusable = row.state === 'free'
  }

  get liveBytes(): number {
    return this.#row.liveBytes
  }

  get endBytes(): number {
    return this.#row.endBytes
  }

  get readers(): number {
    return this.#readers
  }

  /** Starts the next use of an emptied segment: its old records no longer count as such. */
  recycle(): void {
    assert(this.reusable && this.#readers === 0, 'a segment is written anew when nobody reads it')
    this.state = 'open'
    this.reusable = false
    this.generation++
    this.reservedBytes = 0
    this.#nextSequence = 0
    this.#verified = new Uint8Array(32)
    this.#damaged.clear()
    this.#row = { ...this.#row, sequence: 0, endBytes: 0, liveBytes: 0 }
  }

  /** Takes the next `size` bytes for a record. Room has been made before. */
  reserve(size: number): { offset: number; sequence: number } {
    assert(this.reservedBytes + size <= this.allocatedBytes, 'a record lies in allocated space')
    const offset = this.reservedBytes
    this.reservedBytes += size
    this.appends++
    return { offset, sequence: this.#nextSequence++ }
  }

  countLive(bytes: number): void {
    this.#row = { ...this.#row, liveBytes: this.#row.liveBytes + bytes }
  }

  /** A record that ends at `endBytes` is indexed by the batch that the row is written in next. */
  countEnd(sequence: number, endBytes: number): void {
    this.#row = {
      ...this.#row,
      sequence: Math.max(this.#row.sequence, sequence + 1),
      endBytes: Math.max(this.#row.endBytes, endBytes),
    }
  }

  writeRow(batch: Batch): void {
    this.#row = { ...this.#row, state: this.state, generation: this.generation }
    batch.put(segmentTree, segmentKey(this.drive, this.number), encodeSegment(this.#row))
  }

  /** Keeps the file as it is until the returned function is called (once). */
  hold(): () => void {
    this.#readers++
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#readers--
      if (this.#readers > 0) return
      for (const resume of this.#idle.splice(0)) resume()
    }
  }

  /** Resolves once nobody reads. New readers are the caller's to keep away. */
  async idle(): Promise<void> {
    while (this.#readers > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve))
    }
  }

  /** Whether the record was seen whole since start: written here, or read and checked. */
  isVerified(sequence: number): boolean {
    return ((this.#verified[sequence >> 3] ?? 0) & (1 << (sequence & 7))) !== 0
  }

  /** Whether the last look at the record, if any since start, found it changed or unreadable, or its file gone. */
  isDamaged(sequence: number): boolean {
    return this.isGone || this.#damaged.has(sequence)
  }

  setVerified(sequence: number, verified: boolean): void {
    if (verified) this.#damaged.delete(sequence)
    else this.#damaged.add(sequence)
    const index = sequence >> 3
    if (index >= this.#verified.length) {
      if (!verified) return
      const larger = new Uint8Array(Math.max(index + 1, this.#verified.length * 2))
      larger.set(this.#verified)
      this.#verified = larger
    }
    const bit = 1 << (sequence & 7)
    this.#verified[index] = verified ? this.#verified[index]! | bit : this.#verified[index]! & ~bit
  }
}
