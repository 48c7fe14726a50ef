/** CreateBucket: a bucket under a global name. */

import { createBucket as create } from '../../../store/bucket/bucket.ts'
import { StoreError } from '../../../store/errors.ts'
import { bucketAnswer, bucketByText } from '../buckets.ts'
import { AdminError } from '../errors.ts'
import { fields, notYet, optional, text } from '../input.ts'
import { garageOperation } from '../operation.ts'

const input = fields({ globalAlias: optional(text), localAlias: notYet() })

export const createBucket = garageOperation('POST', 'CreateBucket', async (context, call) => {
  const { globalAlias } = call.input(input)
  if (globalAlias === undefined) {
    throw new AdminError(
      'NotImplemented',
      'Cannot make a bucket without "globalAlias": buckets without a name are not implemented yet',
    )
  }
  try {
    const { id } = await create(context.store, { name: globalAlias, owner: undefined })
    return await bucketAnswer(context, await bucketByText(context, id))
  } catch (error) {
    // Garage's code for a misshapen name here; InvalidBucketName is for aliases.
    if (!(error instanceof StoreError) || error.code !== 'InvalidBucketName') throw error
    throw new AdminError('InvalidRequest', error.message, { cause: error })
  }
})
