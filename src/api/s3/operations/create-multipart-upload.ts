/** CreateMultipartUpload: opens an upload, with the metadata that its object will have. */

import { createUpload } from '../../../store/upload/multipart.ts'
import { documentAnswer } from '../answers.ts'
import { CHECKSUM_ALGORITHMS, checkedChecksumType, uploadChecksumHeaders } from '../checksums.ts'
import { metadataParameters, storedMetadata } from '../metadata.ts'
import { customerKeyHeaders, customerKeyOf, customerKeyParameters } from '../customer-key.ts'
import { operationId } from '../operation-id.ts'
import { operation } from '../contract/operation.ts'
import { header, oneOf } from '../contract/parameters.ts'
import { element } from '../xml-text.ts'

export const createMultipartUpload = operation({
  name: 'CreateMultipartUpload',
  method: 'POST',
  target: 'object',
  selector: { query: ['uploads'] },
  permission: 'write',
  groups: ['metadata'],
  body: 'none',
  errors: [
    'InvalidRequest',
    'InvalidRedirectLocation',
    'InvalidArgument',
    'InvalidEncryptionAlgorithmError',
    'MetadataTooLarge',
    'NoSuchBucket',
    'SlowDown',
  ],
  parameters: {
    ...metadataParameters,
    ...customerKeyParameters,
    algorithm: header('x-amz-checksum-algorithm', oneOf(CHECKSUM_ALGORITHMS)),
    type: header('x-amz-checksum-type', oneOf(['COMPOSITE', 'FULL_OBJECT'])),
  },
  handle: async (input, context) => {
    const kind = checkedChecksumType(input.algorithm, input.type)
    const customerKey = customerKeyOf(input)
    const { uploadId } = await createUpload(context.store, {
      bucket: context.bucket.id,
      key: context.key,
      metadata: storedMetadata(context.request.headers),
      checksumAlgorithm: kind?.algorithm,
      checksumType: kind?.type,
      customerKey: customerKey?.bytes,
      operation: operationId(context, 'CreateMultipartUpload'),
    })
    return documentAnswer(
      'InitiateMultipartUploadResult',
      element('Bucket', context.bucketName) +
        element('Key', context.key) +
        element('UploadId', uploadId),
      [...uploadChecksumHeaders(kind), ...customerKeyHeaders(customerKey)],
    )
  },
})
