/** ListBuckets: all buckets and their names. */

import { listBuckets as list } from '../../../store/bucket/bucket.ts'
import { bucketListShape, type BucketListAnswer } from '../answers.ts'
import { garageOperation } from '../operation.ts'
import { timeText } from '../times.ts'

export const listBuckets = garageOperation(
  'GET',
  'ListBuckets',
  async (context) => {
    const buckets = await list(context.store)
    return buckets.map(({ id, createdMicros, names, localNames }): BucketListAnswer => ({
      id,
      created: timeText(createdMicros),
      globalAliases: names,
      localAliases: localNames.map(({ key, name }) => ({ accessKeyId: key, alias: name })),
    }))
  },
  { answer: bucketListShape },
)
