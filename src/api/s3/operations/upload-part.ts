/** UploadPart: one part of an upload; the last one that was acknowledged counts. */

import { PART_NUMBER_MAX } from '../../../base/limits.ts'
import { uploadPart as storePart } from '../../../store/upload/upload-part.ts'
import { emptyAnswer } from '../answers.ts'
import { checksumValueHeader } from '../checksums.ts'
import { customerKeyHeaders, customerKeyOf, customerKeyParameters } from '../customer-key.ts'
import { operation } from '../contract/operation.ts'
import { query, required, integer, uploadId } from '../contract/parameters.ts'

export const uploadPart = operation({
  name: 'UploadPart',
  method: 'PUT',
  target: 'object',
  selector: { query: ['partNumber', 'uploadId'] },
  permission: 'write',
  groups: ['checksum'],
  body: 'stream',
  hot: true,
  errors: [
    'BadDigest',
    'EntityTooLarge',
    'IncompleteBody',
    'InvalidArgument',
    'InvalidEncryptionAlgorithmError',
    'InvalidRequest',
    'NoSuchUpload',
    'QuotaExceeded',
  ],
  parameters: {
    ...customerKeyParameters,
    partNumber: query('partNumber', required(integer(1, PART_NUMBER_MAX))),
    uploadId: query('uploadId', uploadId),
  },
  handle: async (input, context) => {
    const customerKey = customerKeyOf(input)
    const { etag, checksum } = await storePart(context.store, {
      bucket: context.bucket.id,
      key: context.key,
      uploadId: input.uploadId,
      partNumber: input.partNumber,
      body: context.request.body,
      customerKey: customerKey?.bytes,
    })
    return emptyAnswer(200, [
      ['etag', `"${etag}"`],
      ...checksumValueHeader(checksum),
      ...customerKeyHeaders(customerKey),
    ])
  },
})
