/** DeleteObject: removes a key; one that is not there is as good as removed. */

import { deleteObject as deleteStoredObject } from '../../../store/object/delete-object.ts'
import { emptyAnswer } from '../answers.ts'
import { operationId } from '../operation-id.ts'
import { operation } from '../contract/operation.ts'
import { header, ifMatchOnWrite } from '../contract/parameters.ts'
import { errorAnswers } from '../error-codes.ts'
import { S3Error } from '../errors.ts'
import { ONLY_VERSION, versionToDelete } from '../version-id.ts'

export const deleteObject = operation({
  name: 'DeleteObject',
  method: 'DELETE',
  target: 'object',
  permission: 'write',
  body: 'none',
  hot: true,
  errors: ['InvalidArgument', 'NoSuchBucket', 'NoSuchKey', 'NoSuchVersion', 'PreconditionFailed'],
  parameters: { ...versionToDelete, ifMatch: header('if-match', ifMatchOnWrite) },
  handle: async ({ ifMatch, version }, context) => {
    if (version !== undefined && version !== ONLY_VERSION) {
      if (ifMatch === undefined) return emptyAnswer(204, [['x-amz-version-id', version]])
      throw new S3Error('NoSuchVersion', errorAnswers.NoSuchVersion.message)
    }
    await deleteStoredObject(context.store, {
      bucket: context.bucket.id,
      key: context.key,
      ifMatch,
      operation: operationId(context, 'DeleteObject'),
    })
    return emptyAnswer(204, version === undefined ? [] : [['x-amz-version-id', version]])
  },
})
