/** Parts of uploads: the last acknowledged one of each number. */

import type { ManifestId, UploadId } from '../base/ids.ts'
import { defineMerged, type MergedTable } from '../table/schema.ts'
import {
  decodeChecksum,
  encodeChecksum,
  type Checksum,
  type StoredChecksum,
} from './rows/checksum.ts'
import { noteManifest } from './notes.ts'

export interface PartRow {
  /** Hybrid microseconds at which its bytes were whole: the later one wins. */
  readonly at: number
  /** Undefined in the tombstone of a part whose upload is not open. */
  readonly part: Part | undefined
}

export interface Part {
  readonly manifest: ManifestId
  readonly size: number
  /** MD5 of its bytes, 32 hex digits. */
  readonly etag: string
  /** Of its bytes: the upload's algorithm. */
  readonly checksum: Checksum | undefined
}

type StoredPart = readonly [
  at: number,
  manifest: string,
  size: number,
  etag: string,
  checksum: StoredChecksum,
]

/** Five digits, so that parts sort by their numbers. */
export function partSortKey(partNumber: number): string {
  return String(partNumber).padStart(5, '0')
}

export function partKey(
  upload: UploadId,
  partNumber: number,
): { readonly partitionKey: string; readonly sortKey: string } {
  return { partitionKey: upload, sortKey: partSortKey(partNumber) }
}

function isLater(a: PartRow, b: PartRow): boolean {
  if (a.at !== b.at) return a.at > b.at
  if (a.part === undefined || b.part === undefined) return a.part === undefined
  return a.part.manifest >= b.part.manifest
}

export const partTable: MergedTable<PartRow> = defineMerged<PartRow>({
  name: 'part',
  tag: 't',
  placement: 'hash',
  version: 1,
  encode({ at, part }) {
    const stored: StoredPart =
      part === undefined
        ? [at, '', 0, '', 0]
        : [at, part.manifest, part.size, part.etag, encodeChecksum(part.checksum)]
    return stored
  },
  decode(stored, version) {
    if (version !== 1) throw new TypeError(`Cannot read a part: its format is ${version}, wanted 1`)
    const [at, manifest, size, etag, checksum] = stored as StoredPart
    if (manifest === '') return { at, part: undefined }
    return {
      at,
      part: { manifest: manifest as ManifestId, size, etag, checksum: decodeChecksum(checksum) },
    }
  },
  merge: (a, b) => (isLater(a, b) ? a : b),
  isTombstone: (row) => row.part === undefined,
  /** What it comes to name is noted too: nobody else need know of a row that came here late. */
  updated(batch, { before, after }) {
    const [dropped, named] = [before?.part?.manifest, after.part?.manifest]
    if (dropped === named) return
    if (dropped !== undefined) noteManifest(batch, dropped)
    if (named !== undefined) noteManifest(batch, named)
  },
})
