/** CompleteMultipartUpload: makes the object of its parts, in one step that can be repeated. */

import { COMPLETE_BODY_BYTES_MAX, PART_NUMBER_MAX } from '../../../base/limits.ts'
import { completeUpload } from '../../../store/upload/complete-upload.ts'
import type { CompleteUploadInput, NamedPart } from '../../../store/upload/complete-upload.ts'
import { StoreError } from '../../../store/errors.ts'
import { listParts } from '../../../store/upload/multipart.ts'
import type { UploadInput } from '../../../store/upload/multipart.ts'
import type { Store } from '../../../store/store.ts'
import type { ChecksumType } from '../../../model/rows/checksum.ts'
import { readDocument } from '../../auth/document.ts'
import { parseXml } from '../../http/xml.ts'
import type { XmlElement } from '../../http/xml.ts'
import { documentAnswer } from '../answers.ts'
import {
  CHECKSUM_ALGORITHMS,
  checkedChecksum,
  checksumElement,
  checksumHeader,
} from '../checksums.ts'
import { customerKeyOf, customerKeyParameters } from '../customer-key.ts'
import { S3Error } from '../errors.ts'
import { checkedElement } from '../contract/honour.ts'
import { operationId } from '../operation-id.ts'
import { operation } from '../contract/operation.ts'
import {
  header,
  ifMatchOnWrite,
  ifNoneMatchOnWrite,
  integer,
  oneOf,
  query,
  uploadId,
  writeConditions,
} from '../contract/parameters.ts'
import { element } from '../xml-text.ts'

export const completeMultipartUpload = operation({
  name: 'CompleteMultipartUpload',
  method: 'POST',
  target: 'object',
  selector: { query: ['uploadId'] },
  permission: 'write',
  groups: ['object-checksum'],
  body: 'document',
  long: true,
  errors: [
    'BadDigest',
    'EntityTooLarge',
    'EntityTooSmall',
    'InvalidArgument',
    'InvalidEncryptionAlgorithmError',
    'InvalidPart',
    'InvalidPartOrder',
    'InvalidRequest',
    'MalformedXML',
    'NoSuchUpload',
    'PreconditionFailed',
    'QuotaExceeded',
  ],
  parameters: {
    ...customerKeyParameters,
    uploadId: query('uploadId', uploadId),
    ifMatch: header('if-match', ifMatchOnWrite),
    ifNoneMatch: header('if-none-match', ifNoneMatchOnWrite),
    objectSize: header('x-amz-mp-object-size', integer(0, Number.MAX_SAFE_INTEGER)),
    checksumType: header('x-amz-checksum-type', oneOf(['COMPOSITE', 'FULL_OBJECT'])),
  },
  handle: async (input, context) => {
    const { request, store, key } = context
    const bytes = await readDocument(request.body, {
      sizeBytesMax: COMPLETE_BODY_BYTES_MAX,
      compute: store.compute,
      checksumIsOfBody: false,
    })
    const upload = { bucket: context.bucket.id, key, uploadId: input.uploadId }
    await checkType(store, upload, input.checksumType)
    const parts = readParts(checkedElement(parseXml(bytes), 'CompleteMultipartUpload'))
    context.mayAnswerEarly([])
    const { etag, checksum } = await completeUpload(store, {
      parts,
      ...upload,
      conditions: writeConditions(input.ifMatch, input.ifNoneMatch),
      checksum: objectChecksum(request.headers, input.checksumType),
      objectSize: input.objectSize,
      customerKey: customerKeyOf(input)?.bytes,
      operation: operationId(context, 'CompleteMultipartUpload'),
    })
    return documentAnswer(
      'CompleteMultipartUploadResult',
      element('Location', `${request.scheme}://${request.host}${request.path}`) +
        element('Bucket', context.bucketName) +
        element('Key', key) +
        element('ETag', `"${etag}"`) +
        checksumElement(checksum) +
        element('ChecksumType', checksum?.type),
    )
  },
})

function readParts(root: XmlElement): NamedPart[] {
  if (root.children.length === 0) throw malformed('no Part')
  if (root.children.length > PART_NUMBER_MAX) throw malformed(`over ${PART_NUMBER_MAX} Parts`)
  return root.children.map((child) => readPart(checkedElement(child, 'Part')))
}

function readPart(part: XmlElement): NamedPart {
  const values = new Map<string, string>()
  for (const child of part.children) {
    if (values.has(child.name)) throw malformed(`a Part with two ${child.name}`)
    values.set(child.name, child.text.trim())
  }
  const number = values.get('PartNumber') ?? ''
  const etag = (values.get('ETag') ?? '').replace(/^"(.*)"$/, '$1')
  if (!/^\d{1,9}$/.test(number) || etag === '') {
    throw malformed('a Part without a PartNumber and an ETag')
  }
  const partNumber = Number(number)
  if (partNumber < 1 || partNumber > PART_NUMBER_MAX) {
    throw new S3Error(
      'InvalidArgument',
      `Part number must be an integer between 1 and ${PART_NUMBER_MAX}, inclusive`,
      { details: { ArgumentName: 'partNumber', ArgumentValue: number } },
    )
  }
  const algorithms = CHECKSUM_ALGORITHMS.filter((one) => values.has(`Checksum${one}`))
  if (algorithms.length > 1) throw malformed('a Part with two checksums')
  const algorithm = algorithms[0]
  if (algorithm === undefined) return { partNumber, etag }
  const value = checkedChecksum(algorithm, values.get(`Checksum${algorithm}`)!)
  return { partNumber, etag, checksum: { algorithm, value } }
}

/** Here the checksum headers speak of the object, not of the document. */
function objectChecksum(
  headers: ReadonlyMap<string, string>,
  type: ChecksumType | undefined,
): CompleteUploadInput['checksum'] {
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const value = headers.get(checksumHeader(algorithm))
    if (value !== undefined) return { algorithm, type, value: checkedChecksum(algorithm, value) }
  }
  return undefined
}

/**
 * Holds a type that came without a value against the upload's own. An upload that is not open is
 * left to the store: it may be a repeated request.
 *
 * @throws {S3Error} `InvalidRequest`
 */
async function checkType(
  store: Store,
  upload: UploadInput,
  type: ChecksumType | undefined,
): Promise<void> {
  if (type === undefined) return
  const kind = await listParts(store, { limit: 0, ...upload }).then(
    (page) => page.checksum?.type ?? 'none',
    (error: unknown) => {
      if (error instanceof StoreError && error.code === 'NoSuchUpload') return type
      throw error
    },
  )
  if (kind !== type) {
    throw new S3Error(
      'InvalidRequest',
      `The upload was created with the checksum type ${kind}; x-amz-checksum-type is ${type}`,
    )
  }
}

function malformed(what: string): S3Error {
  return new S3Error('MalformedXML', `Cannot read the document: it has ${what}`)
}
