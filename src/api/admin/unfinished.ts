/** How much lies in uploads that nobody has completed. */

import type { BucketId } from '../../base/ids.ts'
import { LIST_KEYS_MAX } from '../../base/limits.ts'
import { StoreError } from '../../store/errors.ts'
import { listUploads } from '../../store/upload/list-uploads.ts'
import type { ListedUpload } from '../../store/upload/list-uploads.ts'
import { listParts } from '../../store/upload/multipart.ts'
import type { Store } from '../../store/store.ts'

export interface UnfinishedParts {
  readonly parts: number
  readonly bytes: number
}

/**
 * Parts of the open uploads of a bucket and their bytes. Walks at most the first thousand uploads:
 * whoever has more sees that by their count.
 */
export async function unfinishedParts(store: Store, bucket: BucketId): Promise<UnfinishedParts> {
  const { uploads } = await listUploads(store, { bucket, limit: LIST_KEYS_MAX })
  let parts = 0
  let bytes = 0
  for (const upload of uploads) {
    for await (const size of partSizes(store, bucket, upload)) {
      parts += 1
      bytes += size
    }
  }
  return { parts, bytes }
}

async function* partSizes(
  store: Store,
  bucket: BucketId,
  { key, uploadId }: ListedUpload,
): AsyncGenerator<number> {
  for (let after: number | undefined; ;) {
    try {
      const place = { bucket, key, uploadId, after, limit: LIST_KEYS_MAX }
      const page = await listParts(store, place)
      for (const { size } of page.parts) yield size
      after = page.parts.at(-1)?.partNumber
      if (!page.truncated || after === undefined) return
    } catch (error) {
      // It ended meanwhile.
      if (error instanceof StoreError && error.code === 'NoSuchUpload') return
      throw error
    }
  }
}
