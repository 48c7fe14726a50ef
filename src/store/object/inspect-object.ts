/** What the rows say of a key: for people who look for a fault. */

import { SEAL_TAG_BYTES } from '../../base/limits.ts'
import type { BucketId, ManifestId } from '../../base/ids.ts'
import { isInline, type ObjectVersion, type UploadEntry } from '../../model/rows/object.ts'
import { bucketById, objectRef, readObject, type Store } from '../store.ts'
import { blockSpans, partsOf } from './manifest-reader.ts'

export interface InspectedBlock {
  readonly partNumber: number
  /** In its part. */
  readonly offset: number
  readonly hash: string
  readonly size: number
}

export interface InspectedVersion {
  readonly version: ObjectVersion
  /** Undefined where the bytes lie in the row. */
  readonly manifest: ManifestId | undefined
  readonly blocks: readonly InspectedBlock[]
  /** There are more blocks. */
  readonly truncated: boolean
}

export interface InspectedObject {
  readonly current: InspectedVersion | undefined
  /** Open ones, and aborted ones that are still recognised. */
  readonly uploads: readonly UploadEntry[]
}

/**
 * @param blocksMax of these at most are told
 * @returns undefined of a key that holds nothing
 * @throws {StoreError} `NoSuchBucket`
 */
export async function inspectObject(
  store: Store,
  { bucket: id, key }: { readonly bucket: BucketId; readonly key: string },
  blocksMax: number,
): Promise<InspectedObject | undefined> {
  const bucket = await bucketById(store, id)
  const value = await readObject(store, objectRef(store, bucket, key))
  const uploads = (value?.uploads ?? []).filter(({ state }) => state !== 'completed')
  const version = value?.current
  if (version === undefined)
    return uploads.length === 0 ? undefined : { current: undefined, uploads }
  const manifest = isInline(version.body) ? undefined : version.body
  const blocks: InspectedBlock[] = []
  if (manifest !== undefined) {
    for await (const block of blocksOf(store, manifest, version)) {
      blocks.push(block)
      if (blocks.length > blocksMax) break
    }
  }
  const truncated = blocks.length > blocksMax
  return {
    current: { version, manifest, blocks: blocks.slice(0, blocksMax), truncated },
    uploads,
  }
}

async function* blocksOf(
  store: Store,
  manifest: ManifestId,
  { size, partCount, sealing }: ObjectVersion,
): AsyncGenerator<InspectedBlock> {
  const tagBytes = sealing === undefined ? 0 : SEAL_TAG_BYTES
  if (partCount === undefined) {
    yield* partBlocks(store, manifest, { number: 1, size, tagBytes })
    return
  }
  for await (const part of partsOf(store, manifest, partCount)) {
    yield* partBlocks(store, part.manifest, { tagBytes, ...part })
  }
}

async function* partBlocks(
  store: Store,
  manifest: ManifestId,
  part: { readonly number: number; readonly size: number; readonly tagBytes: number },
): AsyncGenerator<InspectedBlock> {
  const range = { start: 0, end: part.size, tagBytes: part.tagBytes }
  let offset = 0
  for await (const { hash, to } of blockSpans(store, manifest, range)) {
    yield { partNumber: part.number, offset, hash, size: to }
    offset += to
  }
}
