/**
 * Manifests: what an upload, a part or a large object consists of.
 *
 * A manifest is its header and its segments under one partition key, the manifest's id. Invariant:
 * a segment lists a block before the block is referenced, so that whatever an upload that was cut
 * off has referenced can be found from its manifest.
 */

import { equalBytes, hexOf } from '../base/bytes.ts'
import type { ManifestId, UploadId } from '../base/ids.ts'
import { defineMerged, type MergedTable } from '../table/schema.ts'
import {
  decodeChecksum,
  encodeChecksum,
  type Checksum,
  type StoredChecksum,
} from './rows/checksum.ts'
import { manifestNoteKey, noteManifest, releaseNotes } from './notes.ts'
import { decodeOwner, encodeOwner, type OperationOwner, type StoredOwner } from './operations.ts'

/** In this order a manifest lives; merging takes the later one. */
export const manifestStates = ['pending', 'in use', 'closing', 'released'] as const
export type ManifestState = (typeof manifestStates)[number]

export interface ManifestHeader {
  readonly kind: 'header'
  readonly state: ManifestState
  /** Where the register lies that may name it. */
  readonly partitionKey: string
  readonly key: string
  /** The part row that may name it, when it is a part's. */
  readonly part: { readonly upload: UploadId; readonly number: number } | undefined
  /** Who writes it. */
  readonly owner: OperationOwner
}

/** Blocks in order; the hash of block n is 32 bytes from 32 n. Grows only at its end. */
export interface BlockSegment {
  readonly kind: 'blocks'
  readonly hashes: Uint8Array
  readonly sizes: readonly number[]
}

export interface PartReference {
  readonly number: number
  readonly size: number
  readonly manifest: ManifestId
  readonly checksum: Checksum | undefined
}

export interface PartSegment {
  readonly kind: 'parts'
  readonly parts: readonly PartReference[]
}

/** The tombstone of a segment. */
export interface ReleasedSegment {
  readonly kind: 'gone'
}

export type ManifestRow = ManifestHeader | BlockSegment | PartSegment | ReleasedSegment

/** Sorts before the segments. */
export const HEADER_SORT_KEY = '!'

export function segmentSortKey(index: number): string {
  return String(index).padStart(8, '0')
}

/** Hash of a block of a segment, 64 hex digits. */
export function blockHash(segment: BlockSegment, index: number): string {
  return hexOf(segment.hashes.subarray(index * 32, index * 32 + 32))
}

type StoredHeader = readonly [
  kind: 0,
  state: number,
  partitionKey: string,
  key: string,
  upload: string,
  partNumber: number,
  owner: StoredOwner,
]
type StoredPartReference = readonly [
  number: number,
  size: number,
  manifest: string,
  checksum: StoredChecksum,
]
type StoredRow =
  | StoredHeader
  | readonly [kind: 1, hashes: Uint8Array, sizes: readonly number[]]
  | readonly [kind: 2, parts: readonly StoredPartReference[]]
  | readonly [kind: 3]

function encode(row: ManifestRow): StoredRow {
  switch (row.kind) {
    case 'header':
      return [
        0,
        manifestStates.indexOf(row.state),
        row.partitionKey,
        row.key,
        row.part?.upload ?? '',
        row.part?.number ?? 0,
        encodeOwner(row.owner),
      ]
    case 'blocks':
      return [1, row.hashes, row.sizes]
    case 'parts':
      return [
        2,
        row.parts.map((part) => [
          part.number,
          part.size,
          part.manifest,
          encodeChecksum(part.checksum),
        ]),
      ]
    case 'gone':
      return [3]
  }
}

function decode(stored: StoredRow): ManifestRow {
  switch (stored[0]) {
    case 0:
      return decodeHeader(stored)
    case 1:
      return { kind: 'blocks', hashes: stored[1], sizes: stored[2] }
    case 2:
      return {
        kind: 'parts',
        parts: stored[1].map(([number, size, manifest, checksum]) => ({
          number,
          size,
          manifest: manifest as ManifestId,
          checksum: decodeChecksum(checksum),
        })),
      }
    case 3:
      return { kind: 'gone' }
    default:
      throw new TypeError(`Cannot read a manifest: its kind is ${String(stored[0])}`)
  }
}

function decodeHeader(stored: StoredHeader): ManifestHeader {
  const state = manifestStates[stored[1]]
  if (state === undefined) throw new TypeError(`Cannot read a manifest: its state is ${stored[1]}`)
  return {
    kind: 'header',
    state,
    partitionKey: stored[2],
    key: stored[3],
    part: stored[4] === '' ? undefined : { upload: stored[4] as UploadId, number: stored[5] },
    owner: decodeOwner(stored[6]),
  }
}

function merge(a: ManifestRow, b: ManifestRow): ManifestRow {
  if (a.kind === 'header' && b.kind === 'header') {
    return manifestStates.indexOf(a.state) >= manifestStates.indexOf(b.state) ? a : b
  }
  if (a.kind === 'gone' || b.kind === 'gone') return a.kind === 'gone' ? a : b
  if (a.kind === 'blocks' && b.kind === 'blocks') return mergeBlocks(a, b)
  // One writer, so rows of one kind under one sort key; the choice only has to be the same for all.
  return a.kind <= b.kind ? a : b
}

/** The longer list; a writer only ever adds to it. */
function mergeBlocks(a: BlockSegment, b: BlockSegment): BlockSegment {
  if (a.sizes.length !== b.sizes.length) return a.sizes.length > b.sizes.length ? a : b
  if (equalBytes(a.hashes, b.hashes)) return a
  return Buffer.compare(a.hashes, b.hashes) > 0 ? a : b
}

/**
 * Whether a row says all that another does, to a writer: its lists grow, and its header may be in
 * use before the last of them is held. What is closing or released is no writer's any more.
 */
function includes(row: ManifestRow, other: ManifestRow): boolean {
  if (row.kind === 'header' && other.kind === 'header') {
    return row.state === other.state || (row.state === 'in use' && other.state === 'pending')
  }
  if (row.kind !== 'blocks' || other.kind !== 'blocks') return false
  const isShorter = other.sizes.length <= row.sizes.length
  return isShorter && equalBytes(other.hashes, row.hashes.subarray(0, other.hashes.length))
}

export const manifestTable: MergedTable<ManifestRow> = defineMerged<ManifestRow>({
  name: 'manifest',
  tag: 'm',
  placement: 'first-byte',
  version: 1,
  encode,
  decode(stored, version) {
    if (version !== 1) {
      throw new TypeError(`Cannot read a manifest: its format is ${version}, wanted 1`)
    }
    return decode(stored as StoredRow)
  },
  merge,
  includes,
  isTombstone: (row) => row.kind === 'gone' || (row.kind === 'header' && row.state === 'released'),
  /** A manifest is noted from its first row on: whatever becomes of its writer, it is looked at. */
  updated(batch, { partitionKey, before, after }) {
    if (after.kind !== 'header') return
    const manifest = partitionKey as ManifestId
    if (after.state === 'released') {
      // A row of the part may lie here of which whoever released it has not heard.
      if (after.part === undefined) batch.del(releaseNotes, manifestNoteKey(manifest))
    } else if (before === undefined) noteManifest(batch, manifest)
  },
})
