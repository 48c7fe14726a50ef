/** Finds the blocks and parts of an object in its manifest, as far as they are wanted. */

import type { ManifestId } from '../../base/ids.ts'
import { MANIFEST_BLOCKS_MAX } from '../../base/limits.ts'
import {
  blockHash,
  segmentSortKey,
  type BlockSegment,
  type ManifestRow,
  type PartReference,
} from '../../model/manifest.table.ts'
import { StoreError } from '../errors.ts'
import { inStoreWords, type Store } from '../store.ts'

/** A run of bytes inside one block. */
export interface BlockSpan {
  readonly hash: string
  readonly manifest: ManifestId
  /** Which block of the manifest it is, from 0. */
  readonly index: number
  /** First and one past the last byte inside the block. */
  readonly from: number
  readonly to: number
}

/** Bytes `start` to `end` (exclusive) of a manifest of blocks or of parts. */
export interface SpanRange {
  readonly start: number
  readonly end: number
  /** In each block behind the object's bytes. @default 0 */
  readonly tagBytes?: number
}

async function segment(store: Store, manifest: ManifestId, index: number): Promise<ManifestRow> {
  const key = { partitionKey: manifest, sortKey: segmentSortKey(index) }
  const [row] = await inStoreWords(store.tables.read(store.model.manifest, [key]))
  if (row === undefined || row.kind === 'gone' || row.kind === 'header') {
    throw new StoreError(
      'BlockUnavailable',
      `Cannot read segment ${index} of a manifest: it is gone`,
    )
  }
  return row
}

/** The lists of blocks of an object without parts, or of one part, in order. */
export async function* blockSegments(
  store: Store,
  manifest: ManifestId,
  size: number,
): AsyncGenerator<BlockSegment> {
  for (let index = 0, listed = 0; listed < size; index += 1) {
    const row = await segment(store, manifest, index)
    if (row.kind !== 'blocks' || row.sizes.length === 0) {
      throw new StoreError('BlockUnavailable', 'Cannot read the blocks of a manifest: not listed')
    }
    for (const each of row.sizes) listed += each
    yield row
  }
}

/**
 * The spans that make up a range of an object without parts, or of one part.
 *
 * All blocks but the last are `blockBytes` of the slab long, tags included, so a range begins at once
 * where it lies.
 */
export async function* blockSpans(
  store: Store,
  manifest: ManifestId,
  range: SpanRange,
): AsyncGenerator<BlockSpan> {
  const { tagBytes = 0 } = range
  const blockBytes = store.blocks.slab.blockBytes - tagBytes
  let block = Math.floor(range.start / blockBytes)
  let row: ManifestRow | undefined
  for (let at = block * blockBytes; at < range.end; at += blockBytes, block += 1) {
    const index = block % MANIFEST_BLOCKS_MAX
    if (row === undefined || index === 0) {
      row = await segment(store, manifest, Math.floor(block / MANIFEST_BLOCKS_MAX))
    }
    const size = row.kind === 'blocks' ? row.sizes[index] : undefined
    const to = Math.min(range.end - at, blockBytes)
    if (row.kind !== 'blocks' || size === undefined || size < to + tagBytes) {
      throw new StoreError(
        'BlockUnavailable',
        `Cannot read block ${block} of a manifest: not listed`,
      )
    }
    const from = Math.max(range.start - at, 0)
    yield { hash: blockHash(row, index), manifest, index: block, from, to }
  }
}

/** A part with the place of its first byte in the object. */
export interface PlacedPart extends PartReference {
  readonly start: number
}

/** The parts of an object, in order. */
export async function* partsOf(
  store: Store,
  manifest: ManifestId,
  count: number,
): AsyncGenerator<PlacedPart> {
  let start = 0
  for (let index = 0; index * MANIFEST_BLOCKS_MAX < count; index += 1) {
    const row = await segment(store, manifest, index)
    if (row.kind !== 'parts') {
      throw new StoreError('BlockUnavailable', 'Cannot read the parts of a manifest: it has none')
    }
    for (const part of row.parts) {
      yield { start, ...part }
      start += part.size
    }
  }
}

/** The spans that make up a range of an object made from parts. */
export async function* partSpans(
  store: Store,
  manifest: { readonly id: ManifestId; readonly partCount: number },
  range: SpanRange,
): AsyncGenerator<BlockSpan> {
  for await (const part of partsOf(store, manifest.id, manifest.partCount)) {
    if (part.start >= range.end) return
    if (part.start + part.size <= range.start || part.size === 0) continue
    yield* blockSpans(store, part.manifest, {
      start: Math.max(range.start - part.start, 0),
      end: Math.min(range.end - part.start, part.size),
      tagBytes: range.tagBytes ?? 0,
    })
  }
}
