/** DeleteBucket: removes a bucket that holds no object, with its open uploads. */

import { isBucketId } from '../../../base/ids.ts'
import { hasName } from '../../../model/rows/bucket.ts'
import {
  deleteBucket as deleteStoredBucket,
  isKeptByUploads,
} from '../../../store/bucket/delete-bucket.ts'
import { removeBucketName } from '../../../store/bucket/names.ts'
import { StoreError } from '../../../store/errors.ts'
import { abortOldUploads } from '../../../store/upload/abort-old-uploads.ts'
import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import type { BucketContext } from '../contract/operation.ts'

export const deleteBucket = operation({
  name: 'DeleteBucket',
  method: 'DELETE',
  target: 'bucket',
  permission: 'owner',
  body: 'none',
  errors: ['BucketNotEmpty', 'NoSuchBucket'],
  parameters: {},
  handle: async (_input, context) => {
    if (!(await dropName(context))) await deleteWithUploads(context)
    return emptyAnswer(204)
  },
})

/**
 * Open uploads keep no bucket: they are aborted once there is no object. Whoever writes one at
 * that moment keeps the bucket, but not the uploads.
 *
 * Source: S3 API reference, DeleteBucket: of general-purpose buckets only objects are asked for.
 */
async function deleteWithUploads({ store, bucket }: BucketContext): Promise<void> {
  try {
    await deleteStoredBucket(store, { bucket: bucket.id })
  } catch (error) {
    if (!isKeptByUploads(error)) throw error
    await abortOldUploads(store, { bucket: bucket.id, beforeMicros: store.tables.now() })
    await deleteStoredBucket(store, { bucket: bucket.id })
  }
}

/**
 * Of a bucket that has other names too only the name that it was called by goes.
 *
 * Source: Garage v2, DeleteBucket.
 */
async function dropName({ store, bucket, bucketName, caller }: BucketContext): Promise<boolean> {
  if (bucket.names.length + bucket.localNames.length < 2 || isBucketId(bucketName)) return false
  const isOwn = hasName(bucket, { name: bucketName, key: caller.id })
  const key = isOwn ? caller.id : undefined
  try {
    const isRemoved = await removeBucketName(store, bucket.id, { name: bucketName, key })
    if (isRemoved) return true
  } catch (error) {
    if (error instanceof StoreError && error.code === 'LastBucketName') return false
    throw error
  }
  throw new StoreError('NoSuchBucket', 'Cannot delete the bucket: it was just renamed')
}
