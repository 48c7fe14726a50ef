/** Who uses a block: for people who look for a fault. */

import type { ManifestId } from '../../base/ids.ts'
import { BLOCK_USERS_MAX } from '../../base/limits.ts'
import { HEADER_SORT_KEY, type ManifestHeader } from '../../model/manifest.table.ts'
import { inStoreWords, type Store } from '../store.ts'

export interface BlockUser {
  readonly manifest: ManifestId
  /** The reference was released. */
  readonly isReleased: boolean
  /** Undefined of a manifest that is gone. */
  readonly header: ManifestHeader | undefined
}

/** The manifests that refer to a block or did, as far as rows tell of them; a thousand at most. */
export async function inspectBlock(store: Store, hash: string): Promise<readonly BlockUser[]> {
  const { tables, model } = store
  const limit = BLOCK_USERS_MAX
  const references = await inStoreWords(tables.range(model.blockRef, hash, { limit }))
  const keys = references.map(({ sortKey }) => ({
    partitionKey: sortKey,
    sortKey: HEADER_SORT_KEY,
  }))
  const headers = keys.length === 0 ? [] : await inStoreWords(tables.read(model.manifest, keys))
  return references.map(({ sortKey, row }, index) => {
    const header = headers[index]
    return {
      manifest: sortKey as ManifestId,
      isReleased: !row.live,
      header: header?.kind === 'header' ? header : undefined,
    }
  })
}
