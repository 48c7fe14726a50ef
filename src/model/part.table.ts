/** Parts of uploads: of each number the last acknowledged one, and those that came later. */

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
  /**
   * Hybrid microseconds at which its bytes were whole, 0 of none: whatever is not later has been
   * overwritten, by a part that was acknowledged or by a tombstone.
   */
  readonly at: number
  /** Undefined in the tombstone of a part whose upload is not open, and while `at` is 0. */
  readonly part: Part | undefined
  /**
   * Later ones, in order: each counts until a later one is acknowledged, for whoever sends one may
   * never learn whether it came. Complete names the one that is meant. Absent when there is none.
   */
  readonly sent?: readonly SentPart[]
}

export interface SentPart {
  readonly at: number
  readonly manifest: ManifestId
  /** Undefined once it is gone. */
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
  /** Empty of one that is gone. */
  etag: string,
  checksum: StoredChecksum,
]

type StoredRow = readonly [...StoredPart, sent?: readonly StoredPart[]]

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

/** Those that count, the latest first. */
export function partsOf({ part, sent = [] }: PartRow): readonly Part[] {
  return [...sent.map((each) => each.part).reverse(), part].filter((each) => each !== undefined)
}

/** When the latest of them was whole. */
export function latestOf({ at, sent = [] }: PartRow): number {
  return sent.at(-1)?.at ?? at
}

export function namesManifest(row: PartRow | undefined, manifest: ManifestId): boolean {
  return row !== undefined && partsOf(row).some((part) => part.manifest === manifest)
}

/** A part beside those that are there. */
export function sentRow(at: number, part: Part): PartRow {
  return { at: 0, part: undefined, sent: [{ at, manifest: part.manifest, part }] }
}

/** Takes away what names a manifest, and nothing else; undefined where nothing does. */
export function withoutManifest(row: PartRow, manifest: ManifestId): PartRow | undefined {
  if (row.part?.manifest === manifest) return { at: row.at + 1, part: undefined }
  const found = row.sent?.find((each) => each.manifest === manifest && each.part !== undefined)
  return found && { at: 0, part: undefined, sent: [{ ...found, part: undefined }] }
}

function isLater(a: PartRow, b: PartRow): boolean {
  if (a.at !== b.at) return a.at > b.at
  if (a.part === undefined || b.part === undefined) return a.part === undefined
  return a.part.manifest >= b.part.manifest
}

function merge(a: PartRow, b: PartRow): PartRow {
  const { at, part } = isLater(a, b) ? a : b
  const all = [...(a.sent ?? []), ...(b.sent ?? [])].filter((each) => each.at > at)
  all.sort(inOrder)
  // Of two of one name the first is the one that is gone, if one of them is.
  const sent = all.filter((each, index) => index === 0 || !isSame(each, all[index - 1]!))
  return sent.length === 0 ? { at, part } : { at, part, sent }
}

function isSame(a: SentPart, b: SentPart): boolean {
  return a.at === b.at && a.manifest === b.manifest
}

function inOrder(a: SentPart, b: SentPart): number {
  if (a.at !== b.at) return a.at - b.at
  if (a.manifest !== b.manifest) return a.manifest < b.manifest ? -1 : 1
  return Number(a.part !== undefined) - Number(b.part !== undefined)
}

/** Whether a row says all that another one does. */
function includes(row: PartRow, { at, part, sent = [] }: PartRow): boolean {
  if (at > 0 && (row.at !== at || row.part?.manifest !== part?.manifest)) return false
  return sent.every((each) => {
    if (row.at === each.at && row.part?.manifest === each.manifest) return each.part !== undefined
    const found = row.sent?.find((other) => isSame(other, each))
    return found !== undefined && (found.part === undefined) === (each.part === undefined)
  })
}

function encodePart(at: number, manifest: string, part: Part | undefined): StoredPart {
  if (part === undefined) return [at, manifest, 0, '', 0]
  return [at, manifest, part.size, part.etag, encodeChecksum(part.checksum)]
}

function decodePart([at, manifest, size, etag, checksum]: StoredPart): SentPart {
  const id = manifest as ManifestId
  if (etag === '') return { at, manifest: id, part: undefined }
  const part = { manifest: id, size, etag, checksum: decodeChecksum(checksum) }
  return { at, manifest: id, part }
}

export const partTable: MergedTable<PartRow> = defineMerged<PartRow>({
  name: 'part',
  tag: 't',
  placement: 'hash',
  version: 2,
  encode({ at, part, sent = [] }) {
    const stored = encodePart(at, part?.manifest ?? '', part)
    if (sent.length === 0) return stored
    return [...stored, sent.map((each) => encodePart(each.at, each.manifest, each.part))]
  },
  decode(stored, version) {
    if (version !== 1 && version !== 2) {
      throw new TypeError(`Cannot read a part: its format is ${version}, wanted 1 or 2`)
    }
    const [at, manifest, size, etag, checksum, sent = []] = stored as StoredRow
    const { part } = decodePart([at, manifest, size, etag, checksum])
    if (sent.length === 0) return { at, part }
    return { at, part, sent: sent.map((each) => decodePart(each)) }
  },
  merge,
  includes,
  isTombstone: (row) => partsOf(row).length === 0,
  /** What it comes to name is noted too: nobody else need know of a row that came here late. */
  updated(batch, { before, after }) {
    const dropped = new Set((before === undefined ? [] : partsOf(before)).map(manifestIn))
    const named = new Set(partsOf(after).map(manifestIn))
    for (const manifest of dropped) if (!named.has(manifest)) noteManifest(batch, manifest)
    for (const manifest of named) if (!dropped.has(manifest)) noteManifest(batch, manifest)
  },
})

function manifestIn({ manifest }: Part): ManifestId {
  return manifest
}
