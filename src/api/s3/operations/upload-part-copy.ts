/** UploadPartCopy: a part made of an object, or of a range of it. */

import { PART_NUMBER_MAX } from '../../../base/limits.ts'
import { getObject } from '../../../store/object/get-object.ts'
import { uploadPart } from '../../../store/upload/upload-part.ts'
import { documentAnswer } from '../answers.ts'
import { checksumElement } from '../checksums.ts'
import { checkSourceSize, judgeSource, sourceBucket, sourceParameters } from '../copy-source.ts'
import {
  customerKeyHeaders,
  customerKeyOf,
  customerKeyParameters,
  sourceKeyOf,
  sourceKeyParameters,
} from '../customer-key.ts'
import { S3Error } from '../errors.ts'
import { operation } from '../contract/operation.ts'
import { header, integer, query, required, uploadId } from '../contract/parameters.ts'
import { element, isoTime } from '../xml-text.ts'

const RANGE_HEADER = 'x-amz-copy-source-range'

/** Both ends are of the range. */
interface CopiedRange {
  readonly start: number
  readonly end: number
  readonly text: string
}

export const uploadPartCopy = operation({
  name: 'UploadPartCopy',
  method: 'PUT',
  target: 'object',
  selector: { query: ['partNumber', 'uploadId'], headers: ['x-amz-copy-source'] },
  permission: 'write',
  body: 'none',
  long: true,
  errors: [
    'EntityTooLarge',
    'InvalidArgument',
    'InvalidEncryptionAlgorithmError',
    'InvalidRequest',
    'NoSuchBucket',
    'NoSuchKey',
    'NoSuchUpload',
    'NoSuchVersion',
    'PreconditionFailed',
    'QuotaExceeded',
  ],
  parameters: {
    ...sourceParameters,
    ...sourceKeyParameters,
    ...customerKeyParameters,
    range: header(RANGE_HEADER, copiedRange),
    partNumber: query('partNumber', required(integer(1, PART_NUMBER_MAX))),
    uploadId: query('uploadId', uploadId),
  },
  handle: async (input, context) => {
    const { store, bucket, key, request } = context
    const from = await sourceBucket(context, input)
    const customerKey = customerKeyOf(input)
    const object = await getObject(store, {
      bucket: from.id,
      key: input.source.key,
      customerKey: sourceKeyOf(input)?.bytes,
    })
    const { size } = object.info
    judgeSource(object.info, input, context.clock.wallMicros())
    const { start, end } = rangeIn(input.range, size)
    context.mayAnswerEarly(customerKeyHeaders(customerKey))
    const { etag, checksum, modifiedMicros } = await uploadPart(store, {
      bucket: bucket.id,
      key,
      uploadId: input.uploadId,
      partNumber: input.partNumber,
      customerKey: customerKey?.bytes,
      body: {
        pieces: object.readForCopy(start, end, request.signal),
        length: end - start + 1,
        expect: () => ({}),
      },
    })
    return documentAnswer(
      'CopyPartResult',
      element('LastModified', isoTime(modifiedMicros)) +
        element('ETag', `"${etag}"`) +
        checksumElement(checksum),
      customerKeyHeaders(customerKey),
    )
  },
})

/** @throws {S3Error} `InvalidArgument` for anything but `bytes=first-last` */
function copiedRange(value: string | undefined): CopiedRange | undefined {
  if (value === undefined || value === '') return undefined
  const found = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(value)
  const [start, end] = [Number(found?.[1]), Number(found?.[2])]
  if (found !== null && start <= end) return { start, end, text: value }
  throw refusal(
    'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    value,
  )
}

/** @throws {S3Error} `InvalidArgument` for a range that is not wholly there; `InvalidRequest` */
function rangeIn(range: CopiedRange | undefined, size: number): Omit<CopiedRange, 'text'> {
  if (range === undefined) {
    checkSourceSize(size)
    return { start: 0, end: size - 1 }
  }
  if (range.end < size) return range
  throw refusal(`Range specified is not valid for source object of size: ${size}`, range.text)
}

function refusal(message: string, value: string): S3Error {
  return new S3Error('InvalidArgument', message, {
    details: { ArgumentName: RANGE_HEADER, ArgumentValue: value.slice(0, 200) },
  })
}
