/** DeleteBucket: removes a bucket that holds no object and no open upload. */

import { deleteBucket as deleteStoredBucket } from '../../../store/bucket/delete-bucket.ts'
import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'

export const deleteBucket = operation({
  name: 'DeleteBucket',
  method: 'DELETE',
  target: 'bucket',
  permission: 'owner',
  body: 'none',
  errors: ['BucketNotEmpty', 'NoSuchBucket'],
  parameters: {},
  handle: async (_input, context) => {
    await deleteStoredBucket(context.store, { bucket: context.bucket.id })
    return emptyAnswer(204)
  },
})
