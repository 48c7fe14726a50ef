/** AbortMultipartUpload: ends an upload, and with it every part of it. */

import { abortUpload } from '../../../store/upload/multipart.ts'
import { emptyAnswer } from '../answers.ts'
import { operationId } from '../operation-id.ts'
import { operation } from '../contract/operation.ts'
import { query, uploadId } from '../contract/parameters.ts'

export const abortMultipartUpload = operation({
  name: 'AbortMultipartUpload',
  method: 'DELETE',
  target: 'object',
  selector: { query: ['uploadId'] },
  permission: 'write',
  body: 'none',
  errors: ['NoSuchBucket', 'NoSuchUpload'],
  parameters: { uploadId: query('uploadId', uploadId) },
  handle: async (input, context) => {
    await abortUpload(context.store, {
      bucket: context.bucket.id,
      key: context.key,
      uploadId: input.uploadId,
      operation: operationId(context, 'AbortMultipartUpload'),
    })
    return emptyAnswer(204)
  },
})
