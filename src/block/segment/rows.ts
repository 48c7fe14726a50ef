/** The shapes of the rows that say where blocks lie and how full segments are. Pure. */

import { PAGE_BYTES } from '../../base/limits.ts'
import type { Tree } from '../../db/db.ts'

/** Key: the block's hash, 64 hex digits. Value: `encodeLocation`. */
export const locationTree: Tree<Uint8Array> = { name: 'block-location', tag: '1', values: 'bytes' }
/** Key: drive (2 hex digits), `/`, segment (8 hex digits). Value: `encodeSegment`. */
export const segmentTree: Tree<Uint8Array> = { name: 'block-segment', tag: '2', values: 'bytes' }

const LOCATION_FORMAT = 1
const SEGMENT_FORMAT = 1

/** Where a block's record begins and what its header must say. */
export interface Location {
  readonly drive: number
  readonly segment: number
  readonly generation: number
  readonly sequence: number
  readonly offset: number
  readonly length: number
}

/** Format and drive in a byte each, then five 32-bit words, little-endian; the offset in pages. */
export function encodeLocation(location: Location): Uint8Array {
  const bytes = new Uint8Array(22)
  const view = new DataView(bytes.buffer)
  bytes[0] = LOCATION_FORMAT
  bytes[1] = location.drive
  view.setUint32(2, location.segment, true)
  view.setUint32(6, location.generation, true)
  view.setUint32(10, location.sequence, true)
  view.setUint32(14, location.offset / PAGE_BYTES, true)
  view.setUint32(18, location.length, true)
  return bytes
}

/** @throws {TypeError} when `bytes` is of a newer format, or none */
export function decodeLocation(bytes: Uint8Array): Location {
  if (bytes.length !== 22 || bytes[0] !== LOCATION_FORMAT) {
    throw new TypeError(`Cannot read where a block lies: format ${bytes[0]}, wanted 1`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return {
    drive: bytes[1]!,
    segment: view.getUint32(2, true),
    generation: view.getUint32(6, true),
    sequence: view.getUint32(10, true),
    offset: view.getUint32(14, true) * PAGE_BYTES,
    length: view.getUint32(18, true),
  }
}

export function sameLocation(a: Location, b: Location): boolean {
  return (
    a.drive === b.drive &&
    a.segment === b.segment &&
    a.generation === b.generation &&
    a.offset === b.offset
  )
}

/** `open` takes records, `sealed` does not any more, `free` holds nothing that is wanted. */
export type SegmentState = 'open' | 'sealed' | 'free'

/** What is kept of a segment. Sizes are whole pages. */
export interface SegmentRow {
  readonly state: SegmentState
  readonly generation: number
  /** The sequence of the next record. */
  readonly sequence: number
  /** Where the last indexed record ends: behind it nothing was acknowledged. */
  readonly endBytes: number
  /** Records that the index names, headers and padding included. */
  readonly liveBytes: number
}

/** A row as it is stored: key as of `segmentKey`, value as of `encodeSegment`. */
export interface StoredSegment {
  readonly key: string
  readonly value: Uint8Array
}

const states: readonly SegmentState[] = ['open', 'sealed', 'free']

/** Format and state in a byte each, then four 32-bit words, little-endian; sizes in pages. */
export function encodeSegment(row: SegmentRow): Uint8Array {
  const bytes = new Uint8Array(18)
  const view = new DataView(bytes.buffer)
  bytes[0] = SEGMENT_FORMAT
  bytes[1] = states.indexOf(row.state)
  view.setUint32(2, row.generation, true)
  view.setUint32(6, row.sequence, true)
  view.setUint32(10, row.endBytes / PAGE_BYTES, true)
  view.setUint32(14, row.liveBytes / PAGE_BYTES, true)
  return bytes
}

/** @throws {TypeError} when `bytes` is of a newer format, or none */
export function decodeSegment(bytes: Uint8Array): SegmentRow {
  const state = states[bytes[1] ?? states.length]
  if (bytes.length !== 18 || bytes[0] !== SEGMENT_FORMAT || state === undefined) {
    throw new TypeError(`Cannot read the row of a segment: format ${bytes[0]}, wanted 1`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return {
    state,
    generation: view.getUint32(2, true),
    sequence: view.getUint32(6, true),
    endBytes: view.getUint32(10, true) * PAGE_BYTES,
    liveBytes: view.getUint32(14, true) * PAGE_BYTES,
  }
}

export function segmentKey(drive: number, segment: number): string {
  return `${drive.toString(16).padStart(2, '0')}/${segment.toString(16).padStart(8, '0')}`
}

export function parseSegmentKey(key: string): { drive: number; segment: number } {
  return { drive: parseInt(key.slice(0, 2), 16), segment: parseInt(key.slice(3), 16) }
}
