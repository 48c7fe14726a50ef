/** DeleteBucketCors: takes away the rules by which a bucket lets pages of other origins in. */

import { changeBucketSettings } from '../../../store/bucket/bucket.ts'
import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'

export const deleteBucketCors = operation({
  name: 'DeleteBucketCors',
  method: 'DELETE',
  target: 'bucket',
  selector: { query: ['cors'] },
  permission: 'owner',
  body: 'none',
  errors: ['NoSuchBucket'],
  parameters: {},
  handle: async (_input, { store, bucket }) => {
    await changeBucketSettings(store, bucket.id, { cors: null })
    return emptyAnswer(204)
  },
})
