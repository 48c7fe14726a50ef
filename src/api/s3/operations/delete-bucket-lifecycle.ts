/** DeleteBucketLifecycle: from now on nothing of a bucket expires. */

import { changeBucketSettings } from '../../../store/bucket/bucket.ts'
import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'

export const deleteBucketLifecycle = operation({
  name: 'DeleteBucketLifecycle',
  method: 'DELETE',
  target: 'bucket',
  selector: { query: ['lifecycle'] },
  permission: 'write',
  body: 'none',
  errors: ['NoSuchBucket'],
  parameters: {},
  handle: async (_input, { store, bucket }) => {
    if (bucket.settings.lifecycle !== undefined) {
      await changeBucketSettings(store, bucket.id, { lifecycle: null })
    }
    return emptyAnswer(204)
  },
})
