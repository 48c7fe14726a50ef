/** RemoveBucketAlias: takes a name from a bucket, which keeps another. */

import { removeBucketName } from '../../../store/bucket/names.ts'
import { bucketShape } from '../answers.ts'
import { aliasInput, bucketAnswer, bucketByText, nameOfInput } from '../buckets.ts'
import { AdminError } from '../errors.ts'
import { garageOperation } from '../operation.ts'

export const removeBucketAlias = garageOperation(
  'POST',
  'RemoveBucketAlias',
  async (context, call) => {
    const asked = call.input(aliasInput)
    const { id } = await bucketByText(context, asked.bucketId)
    const named = await nameOfInput(context, asked)
    if (!(await removeBucketName(context.store, id, named))) {
      const message = `Cannot take the name "${named.name.slice(0, 100)}" away: the bucket has no such name`
      throw new AdminError('InvalidRequest', message)
    }
    return bucketAnswer(context, await bucketByText(context, id))
  },
  { input: aliasInput, answer: bucketShape },
)
