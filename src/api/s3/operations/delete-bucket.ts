/** DeleteBucket: removes a bucket that holds no object and no open upload. */

import { isBucketId } from '../../../base/ids.ts'
import { accessKeyById } from '../../../store/access-key.ts'
import { deleteBucket as deleteStoredBucket } from '../../../store/bucket/delete-bucket.ts'
import { removeBucketName } from '../../../store/bucket/names.ts'
import { StoreError } from '../../../store/errors.ts'
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
    if (!(await dropName(context))) {
      await deleteStoredBucket(context.store, { bucket: context.bucket.id })
    }
    return emptyAnswer(204)
  },
})

/**
 * Of a bucket that has other names too only the name that it was called by goes.
 *
 * Source: Garage v2, DeleteBucket.
 */
async function dropName({ store, bucket, bucketName, caller }: BucketContext): Promise<boolean> {
  if (bucket.names.length + bucket.localNames.length < 2 || isBucketId(bucketName)) return false
  const { localNames } = await accessKeyById(store, caller.id)
  const key = localNames.get(bucketName) === bucket.id ? caller.id : undefined
  try {
    const isRemoved = await removeBucketName(store, bucket.id, { name: bucketName, key })
    if (isRemoved) return true
  } catch (error) {
    if (error instanceof StoreError && error.code === 'LastBucketName') return false
    throw error
  }
  throw new StoreError('NoSuchBucket', 'Cannot delete the bucket: it was just renamed')
}
