/** Block references: which manifest uses a block. They lie with the block itself. */

import { defineMerged, type MergedTable } from '../table/schema.ts'
import type { LocalBlocks } from '../block/blocks.ts'

/** Of a block (partition key, its hash) by a manifest (sort key). A released one stays released. */
export interface BlockRefRow {
  readonly live: boolean
}

export type ReferenceKeeper = Pick<
  LocalBlocks,
  'guardReference' | 'referenceAdded' | 'referenceDropped'
>

/**
 * @param blocks holds the lock of the hash around a new reference, refuses it (`missing`) where
 *   the block does not lie, and counts what lies on this node
 */
export function buildBlockRefTable(blocks: ReferenceKeeper): MergedTable<BlockRefRow> {
  return defineMerged<BlockRefRow>({
    name: 'block-ref',
    tag: 'r',
    placement: 'first-byte',
    version: 1,
    encode: (row) => (row.live ? 1 : 0),
    decode(stored, version) {
      if (version !== 1 || (stored !== 0 && stored !== 1)) {
        throw new TypeError(`Cannot read a block reference: its format is ${version}, wanted 1`)
      }
      return { live: stored === 1 }
    },
    merge: (a, b) => (a.live ? b : a),
    isTombstone: (row) => !row.live,
    updated(batch, { partitionKey, before, after }) {
      const had = before?.live ?? false
      if (after.live && !had) blocks.referenceAdded(batch, partitionKey)
      if (!after.live && had) blocks.referenceDropped(batch, partitionKey)
    },
    dropped(batch, { partitionKey, before }) {
      if (before.live) blocks.referenceDropped(batch, partitionKey)
    },
    async guard({ partitionKey, row }, proceed) {
      if (row.live) return blocks.guardReference(partitionKey, proceed)
      await proceed()
      return undefined
    },
  })
}
