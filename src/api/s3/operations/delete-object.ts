/** DeleteObject: removes a key; one that is not there is as good as removed. */

import { deleteObject as deleteStoredObject } from '../../../store/object/delete-object.ts'
import { emptyAnswer } from '../answers.ts'
import { operationId } from '../operation-id.ts'
import { operation } from '../contract/operation.ts'
import { header, ifMatchOnWrite } from '../contract/parameters.ts'

export const deleteObject = operation({
  name: 'DeleteObject',
  method: 'DELETE',
  target: 'object',
  permission: 'write',
  body: 'none',
  hot: true,
  errors: ['NoSuchBucket', 'NoSuchKey', 'PreconditionFailed'],
  parameters: { ifMatch: header('if-match', ifMatchOnWrite) },
  handle: async ({ ifMatch }, context) => {
    await deleteStoredObject(context.store, {
      bucket: context.bucket.id,
      key: context.key,
      ifMatch,
      operation: operationId(context, 'DeleteObject'),
    })
    return emptyAnswer(204)
  },
})
