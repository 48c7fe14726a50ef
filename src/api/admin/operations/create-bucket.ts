/** CreateBucket: a bucket under a name for all, one for a key, both or none. */

import { createBucket as create, findBucketByName } from '../../../store/bucket/bucket.ts'
import { StoreError } from '../../../store/errors.ts'
import { noPermission } from '../../../model/rows/permission.ts'
import { bucketShape } from '../answers.ts'
import { bucketAnswer, bucketByText, permissions } from '../buckets.ts'
import { AdminError } from '../errors.ts'
import { fields, optional, text, type Shaped } from '../input.ts'
import { keyById } from '../keys.ts'
import { garageOperation, type AdminContext } from '../operation.ts'

const input = fields({
  globalAlias: optional(text),
  localAlias: optional(fields({ accessKeyId: text, alias: text, allow: optional(permissions) })),
})

export const createBucket = garageOperation(
  'POST',
  'CreateBucket',
  async (context, call) => {
    const asked = call.input(input)
    const { globalAlias, localAlias } = asked
    try {
      const { id } = await create(context.store, {
        name: globalAlias,
        local: localAlias && (await localOf(context, localAlias)),
      })
      return await bucketAnswer(context, await bucketByText(context, id))
    } catch (error) {
      throw await failureOf(context, asked, error)
    }
  },
  { input, answer: bucketShape },
)

async function localOf(
  context: AdminContext,
  { accessKeyId, alias, allow }: NonNullable<Shaped<typeof input>['localAlias']>,
) {
  const { id } = await keyById(context, accessKeyId)
  return { key: id, name: alias, permission: allow ?? noPermission }
}

/** Garage's codes: a misshapen name and a key's name that is taken are InvalidRequest here. */
async function failureOf(
  { store }: AdminContext,
  { globalAlias }: Shaped<typeof input>,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof StoreError)) return error
  const isOfAll =
    error.code === 'BucketAlreadyExists' &&
    globalAlias !== undefined &&
    (await findBucketByName(store, globalAlias)) !== undefined
  const isNamed = error.code === 'InvalidBucketName' || error.code === 'BucketAlreadyExists'
  if (isOfAll || !isNamed) return error
  return new AdminError('InvalidRequest', error.message, { cause: error })
}
