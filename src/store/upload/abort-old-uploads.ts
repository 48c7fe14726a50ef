/** Aborts what was begun long ago and never completed. */

import type { BucketId } from '../../base/ids.ts'
import { LIST_KEYS_MAX } from '../../base/limits.ts'
import { StoreError } from '../errors.ts'
import type { Store } from '../store.ts'
import { listUploads } from './list-uploads.ts'
import { abortUpload } from './multipart.ts'

/**
 * Aborts the open uploads of a bucket that were created before a moment.
 *
 * @returns how many
 * @throws {StoreError} `NoSuchBucket`, and as an abort fails
 */
export async function abortOldUploads(
  store: Store,
  { bucket, beforeMicros }: { readonly bucket: BucketId; readonly beforeMicros: number },
): Promise<number> {
  let count = 0
  for (let from: Partial<Record<'keyMarker' | 'uploadIdMarker', string>> = {}; ;) {
    const page = await listUploads(store, { bucket, ...from, limit: LIST_KEYS_MAX })
    for (const { key, uploadId, createdMicros } of page.uploads) {
      if (createdMicros >= beforeMicros) continue
      try {
        await abortUpload(store, { bucket, key, uploadId })
        count += 1
      } catch (error) {
        // It ended meanwhile.
        if (!(error instanceof StoreError) || error.code !== 'NoSuchUpload') throw error
      }
    }
    if (page.next === undefined) return count
    from = page.next
  }
}
