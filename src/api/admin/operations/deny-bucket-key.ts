/** DenyBucketKey: takes from a key what is true of read, write and owner. */

import { denyKey } from '../../../store/bucket/bucket.ts'
import { bucketShape } from '../answers.ts'
import { bucketAnswer, bucketByText, permissionInput } from '../buckets.ts'
import { keyById } from '../keys.ts'
import { garageOperation } from '../operation.ts'

export const denyBucketKey = garageOperation(
  'POST',
  'DenyBucketKey',
  async (context, call) => {
    const { bucketId, accessKeyId, permissions } = call.input(permissionInput)
    const bucket = await bucketByText(context, bucketId)
    const key = await keyById(context, accessKeyId)
    await denyKey(context.store, {
      bucket: bucket.id,
      key: key.id,
      permission: permissions,
    })
    return bucketAnswer(context, await bucketByText(context, bucketId))
  },
  { input: permissionInput, answer: bucketShape },
)
