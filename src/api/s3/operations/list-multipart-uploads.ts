/** ListMultipartUploads: the open uploads of a bucket, by key and then by time. */

import { listUploads } from '../../../store/upload/list-uploads.ts'
import { commonPrefix, documentAnswer, person, showIn, shown } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import { encodingType, optionalText, pageSize, query, text } from '../contract/parameters.ts'
import { element, isoTime } from '../xml-text.ts'

export const listMultipartUploads = operation({
  name: 'ListMultipartUploads',
  method: 'GET',
  target: 'bucket',
  selector: { query: ['uploads'] },
  permission: 'read',
  body: 'none',
  pages: true,
  errors: ['InvalidArgument', 'NoSuchBucket'],
  parameters: {
    prefix: query('prefix', text),
    delimiter: query('delimiter', optionalText),
    keyMarker: query('key-marker', optionalText),
    uploadIdMarker: query('upload-id-marker', optionalText),
    limit: query('max-uploads', pageSize),
    encoding: query('encoding-type', encodingType),
  },
  handle: async (input, context) => {
    const { prefix, delimiter, keyMarker, limit } = input
    // S3 ignores the upload's marker where there is no key's.
    const uploadIdMarker = keyMarker === undefined ? undefined : input.uploadIdMarker
    const page = await listUploads(context.store, {
      bucket: context.bucket.id,
      prefix,
      delimiter,
      keyMarker,
      uploadIdMarker,
      limit,
    })
    const show = showIn(input.encoding)
    const { id, name } = context.caller
    const people = person('Initiator', id, name) + person('Owner', id, name)
    let uploads = ''
    for (const one of page.uploads) {
      uploads +=
        `<Upload><Key>${show(one.key)}</Key>` +
        element('UploadId', one.uploadId) +
        people +
        '<StorageClass>STANDARD</StorageClass>' +
        element('Initiated', isoTime(one.createdMicros)) +
        element('ChecksumAlgorithm', one.checksum?.algorithm) +
        element('ChecksumType', one.checksum?.type) +
        '</Upload>'
    }
    return documentAnswer(
      'ListMultipartUploadsResult',
      element('Bucket', context.bucketName) +
        shown('KeyMarker', keyMarker ?? '', show) +
        element('UploadIdMarker', uploadIdMarker ?? '') +
        shown('NextKeyMarker', page.next?.keyMarker, show) +
        element('NextUploadIdMarker', page.next?.uploadIdMarker) +
        shown('Prefix', prefix, show) +
        shown('Delimiter', delimiter, show) +
        element('MaxUploads', limit) +
        element('EncodingType', input.encoding) +
        element('IsTruncated', page.truncated) +
        uploads +
        page.prefixes.map((prefix) => commonPrefix(prefix, show)).join(''),
    )
  },
})
