/** DeleteBucket: an empty bucket, its names and the rights in it. */

import { deleteBucket as remove } from '../../../store/bucket/delete-bucket.ts'
import { bucketByText } from '../buckets.ts'
import { garageOperation, neededParameter } from '../operation.ts'

export const deleteBucket = garageOperation(
  'POST',
  'DeleteBucket',
  async (context, call) => {
    const { id } = await bucketByText(context, neededParameter(call, 'id'))
    await remove(context.store, { bucket: id })
    return null
  },
  { query: [{ name: 'id', sentence: 'The whole id of the bucket', required: true }] },
)
