/** DeleteBucketWebsite: a bucket is no site any more. */

import { changeBucketSettings } from '../../../store/bucket/bucket.ts'
import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'

export const deleteBucketWebsite = operation({
  name: 'DeleteBucketWebsite',
  method: 'DELETE',
  target: 'bucket',
  selector: { query: ['website'] },
  permission: 'owner',
  body: 'none',
  errors: ['NoSuchBucket'],
  parameters: {},
  handle: async (_input, { store, bucket }) => {
    await changeBucketSettings(store, bucket.id, { website: null })
    return emptyAnswer(204)
  },
})
