/** ListParts: the parts of an open upload, as they count now. */

import { PART_NUMBER_MAX } from '../../../base/limits.ts'
import { listParts as listStoredParts } from '../../../store/upload/multipart.ts'
import { documentAnswer, person } from '../answers.ts'
import { checksumElement } from '../checksums.ts'
import { customerKeyOf, customerKeyParameters } from '../customer-key.ts'
import { operation } from '../contract/operation.ts'
import { integer, pageSize, query, uploadId } from '../contract/parameters.ts'
import { element, isoTime } from '../xml-text.ts'

const INT_MAX = 2 ** 31 - 1

export const listParts = operation({
  name: 'ListParts',
  method: 'GET',
  target: 'object',
  selector: { query: ['uploadId'] },
  permission: 'read',
  body: 'none',
  errors: [
    'InvalidArgument',
    'InvalidEncryptionAlgorithmError',
    'InvalidRequest',
    'NoSuchBucket',
    'NoSuchUpload',
  ],
  parameters: {
    ...customerKeyParameters,
    uploadId: query('uploadId', uploadId),
    limit: query('max-parts', pageSize),
    after: query('part-number-marker', integer(0, INT_MAX)),
  },
  handle: async (input, context) => {
    const { uploadId: upload, limit, after = 0 } = input
    const page = await listStoredParts(context.store, {
      bucket: context.bucket.id,
      key: context.key,
      uploadId: upload,
      after: Math.min(after, PART_NUMBER_MAX),
      limit,
      customerKey: customerKeyOf(input)?.bytes,
    })
    let parts = ''
    for (const part of page.parts) {
      parts +=
        '<Part>' +
        element('PartNumber', part.partNumber) +
        element('LastModified', isoTime(part.modifiedMicros)) +
        `<ETag>&quot;${part.etag}&quot;</ETag>` +
        element('Size', part.size) +
        checksumElement(part.checksum) +
        '</Part>'
    }
    const { id, name } = context.caller
    return documentAnswer(
      'ListPartsResult',
      element('Bucket', context.bucketName) +
        element('Key', context.key) +
        element('UploadId', upload) +
        person('Initiator', id, name) +
        person('Owner', id, name) +
        element('StorageClass', 'STANDARD') +
        element('PartNumberMarker', after) +
        element('NextPartNumberMarker', page.parts.at(-1)?.partNumber ?? 0) +
        element('MaxParts', limit) +
        element('ChecksumAlgorithm', page.checksum?.algorithm) +
        element('ChecksumType', page.checksum?.type) +
        element('IsTruncated', page.truncated) +
        parts,
    )
  },
})
