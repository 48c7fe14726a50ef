/** AddBucketAlias: another name for a bucket, for all or for one key. */

import { addBucketName } from '../../../store/bucket/names.ts'
import { StoreError } from '../../../store/errors.ts'
import { bucketShape } from '../answers.ts'
import { aliasInput, bucketAnswer, bucketByText, nameOfInput } from '../buckets.ts'
import { AdminError } from '../errors.ts'
import { garageOperation } from '../operation.ts'

export const addBucketAlias = garageOperation(
  'POST',
  'AddBucketAlias',
  async (context, call) => {
    const asked = call.input(aliasInput)
    const { id } = await bucketByText(context, asked.bucketId)
    try {
      await addBucketName(context.store, id, await nameOfInput(context, asked))
    } catch (error) {
      // Garage's status for a name that another bucket has.
      if (!(error instanceof StoreError) || error.code !== 'BucketAlreadyExists') throw error
      throw new AdminError('InvalidRequest', error.message, { cause: error })
    }
    return bucketAnswer(context, await bucketByText(context, id))
  },
  { input: aliasInput, answer: bucketShape },
)
