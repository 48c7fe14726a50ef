/** GetBucketInfo: one bucket, its keys and how much it holds. */

import { bucketShape } from '../answers.ts'
import { bucketAnswer, bucketOfCall, bucketQuery } from '../buckets.ts'
import { garageOperation } from '../operation.ts'

export const getBucketInfo = garageOperation(
  'GET',
  'GetBucketInfo',
  async (context, call) => bucketAnswer(context, await bucketOfCall(context, call)),
  { answer: bucketShape, query: bucketQuery },
)
