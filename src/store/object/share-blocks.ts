/** A copy's manifest: it lists the blocks of another one, and no byte moves. */

import { newManifestId, type ManifestId } from '../../base/ids.ts'
import { REFERENCES_PER_INSERT } from '../../base/limits.ts'
import {
  blockHash,
  HEADER_SORT_KEY,
  segmentSortKey,
  type BlockSegment,
  type ManifestRow,
} from '../../model/manifest.table.ts'
import type { MergedRow } from '../../table/table.ts'
import { inStoreWords, type Store } from '../store.ts'
import { refusalCode } from '../errors.ts'
import { referenceBlock, type ManifestFacts } from './block-writer.ts'
import { blockSegments } from './manifest-reader.ts'

/** The manifest whose blocks are shared, held by the caller, and the size of its object. */
export interface SharedManifest {
  readonly id: ManifestId
  readonly size: number
}

/**
 * Writes a manifest of the same blocks, in the order of `BlockWriter`: the header and the list
 * before the references. It is `in use` when this resolves; what is left of one that was cut off is
 * freed by the release worker.
 *
 * @throws {StoreError}
 */
export async function shareBlocks(
  store: Store,
  shared: SharedManifest,
  facts: ManifestFacts,
): Promise<ManifestId> {
  const manifest = newManifestId(store.rng)
  const row = (sortKey: string, content: ManifestRow): MergedRow<ManifestRow> => {
    return { partitionKey: manifest, sortKey, row: content }
  }
  const header = (state: 'pending' | 'in use'): MergedRow<ManifestRow> =>
    row(HEADER_SORT_KEY, { kind: 'header', state, ...facts })
  const insert = (rows: readonly MergedRow<ManifestRow>[]): Promise<void> =>
    inStoreWords(store.tables.insert(store.model.manifest, rows))
  const referenced = new Set<string>()
  let index = 0
  for await (const segment of blockSegments(store, shared.id, shared.size)) {
    const listed = row(segmentSortKey(index), segment)
    await insert(index === 0 ? [header('pending'), listed] : [listed])
    index += 1
    const fresh = hashesOf(segment).filter((hash) => !referenced.has(hash))
    for (let from = 0; from < fresh.length; from += REFERENCES_PER_INSERT) {
      const hashes = fresh.slice(from, from + REFERENCES_PER_INSERT)
      await inStoreWords(referenceAll(store, manifest, hashes))
    }
    for (const hash of fresh) referenced.add(hash)
  }
  await insert([header('in use')])
  return manifest
}

function hashesOf(segment: BlockSegment): readonly string[] {
  return [...new Set(segment.sizes.map((_, index) => blockHash(segment, index)))]
}

/** All at once; where an owner has lost one of them, one by one. */
async function referenceAll(
  store: Store,
  manifest: ManifestId,
  hashes: readonly string[],
): Promise<void> {
  const { tables, model } = store
  const rows = hashes.map((hash) => ({
    partitionKey: hash,
    sortKey: manifest,
    row: { live: true },
  }))
  try {
    await tables.insert(model.blockRef, rows)
    return
  } catch (error) {
    if (refusalCode(error) !== 'missing') throw error
  }
  for (const hash of hashes) {
    await referenceBlock(store, { hash, manifest }, () => sendAgain(store, hash))
  }
}

/** Brings a block from an owner that has it to those that lost it. */
async function sendAgain({ blocks }: Store, hash: string): Promise<void> {
  const slot = await blocks.slab.take()
  try {
    const view = await blocks.get(hash, slot)
    await blocks.put(hash, slot, view.length)
  } finally {
    slot.release()
  }
}
