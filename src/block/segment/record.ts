/** The shape of one block in a segment: a page of header, then the data in whole pages. Pure. */

import { equalBytes, fromHex, hexOf, utf8 } from '../../base/bytes.ts'
import { blake3, HASH_SIZE_BYTES } from '../../base/hash.ts'
import { BLOCK_SIZE_BYTES, PAGE_BYTES } from '../../base/limits.ts'

export const RECORD_FORMAT = 1

/**
 * What a record says about itself.
 *
 * On disk, little-endian: magic (8 bytes), then 32-bit words: format, flags, segment, generation,
 * sequence, length; then the hash (32 bytes) and the first 16 bytes of the BLAKE3 of all before.
 * The rest of the page is zero.
 */
export interface RecordHeader {
  /** The segment it was written to: a misdirected write is not taken for another's record. */
  readonly segment: number
  /** One use of the segment's file: a scan ends where another generation's records begin. */
  readonly generation: number
  /** Position among the records of the generation, from 0; gaps are allowed. */
  readonly sequence: number
  /** Bytes of data. */
  readonly length: number
  /** BLAKE3 of the data, 64 hex digits. */
  readonly hash: string
}

const magic = utf8('hangarB1')
const hashAt = 32
const checksumAt = hashAt + HASH_SIZE_BYTES
const headerBytes = checksumAt + 16

/** Bytes that a block of `length` takes in a segment, header and padding included. */
export function recordSize(length: number): number {
  return PAGE_BYTES + Math.ceil(length / PAGE_BYTES) * PAGE_BYTES
}

/**
 * Makes `record` (a header page, then the data in its place) ready to be written.
 *
 * @returns the part of `record` to write: header, data, and padding made zero
 */
export function sealRecord(record: Uint8Array, header: RecordHeader): Uint8Array {
  const page = record.subarray(0, PAGE_BYTES)
  page.fill(0)
  page.set(magic)
  const words = [
    RECORD_FORMAT,
    0,
    header.segment,
    header.generation,
    header.sequence,
    header.length,
  ]
  const view = new DataView(page.buffer, page.byteOffset, PAGE_BYTES)
  words.forEach((word, index) => view.setUint32(magic.length + index * 4, word, true))
  page.set(fromHex(header.hash)!, hashAt)
  page.set(blake3(page.subarray(0, checksumAt)).subarray(0, 16), checksumAt)
  const size = recordSize(header.length)
  record.fill(0, PAGE_BYTES + header.length, size)
  return record.subarray(0, size)
}

/** The header on a page, or nothing when the page holds none that is whole. */
export function readHeader(page: Uint8Array): RecordHeader | undefined {
  if (page.length < headerBytes || !equalBytes(page.subarray(0, magic.length), magic)) {
    return undefined
  }
  const checksum = blake3(page.subarray(0, checksumAt)).subarray(0, 16)
  if (!equalBytes(checksum, page.subarray(checksumAt, headerBytes))) return undefined
  const view = new DataView(page.buffer, page.byteOffset, headerBytes)
  const word = (index: number): number => view.getUint32(magic.length + index * 4, true)
  const length = word(5)
  if (word(0) !== RECORD_FORMAT || word(1) !== 0) return undefined
  if (length === 0 || length > BLOCK_SIZE_BYTES) return undefined
  return {
    segment: word(2),
    generation: word(3),
    sequence: word(4),
    length,
    hash: hexOf(page.subarray(hashAt, checksumAt)),
  }
}

/** Whether `record` is just what the index says, its data included. */
export function isRecord(record: Uint8Array, wanted: RecordHeader): boolean {
  if (record.length < recordSize(wanted.length)) return false
  const found = readHeader(record.subarray(0, PAGE_BYTES))
  return (
    found !== undefined &&
    found.segment === wanted.segment &&
    found.generation === wanted.generation &&
    found.sequence === wanted.sequence &&
    found.length === wanted.length &&
    found.hash === wanted.hash &&
    hexOf(blake3(record.subarray(PAGE_BYTES, PAGE_BYTES + wanted.length))) === wanted.hash
  )
}
