/** CopyObject: an object made of another one, without its bytes going through the client. */

import type { Metadata } from '../../../model/rows/object.ts'
import { copyObject as copyStored } from '../../../store/object/copy-object.ts'
import { REDIRECT_HEADER } from '../../object/site.ts'
import { documentAnswer } from '../answers.ts'
import { checksumElement, supportedAlgorithm } from '../checksums.ts'
import { checkSourceSize, judgeSource, sourceBucket, sourceParameters } from '../copy-source.ts'
import {
  customerKeyHeaders,
  customerKeyOf,
  customerKeyParameters,
  sourceKeyOf,
  sourceKeyParameters,
} from '../customer-key.ts'
import { S3Error } from '../errors.ts'
import { metadataParameters, storedMetadata } from '../metadata.ts'
import { operationId } from '../operation-id.ts'
import { operation } from '../contract/operation.ts'
import type { ObjectContext } from '../contract/operation.ts'
import {
  header,
  ifMatchOnWrite,
  ifNoneMatchOnWrite,
  writeConditions,
} from '../contract/parameters.ts'
import type { Parse } from '../contract/parameters.ts'
import { element, isoTime } from '../xml-text.ts'

/** `COPY` or `REPLACE`; COPY when absent. */
function directive(of: string): Parse<'COPY' | 'REPLACE'> {
  return (value, name) => {
    if (value === undefined || value === '' || value === 'COPY') return 'COPY'
    if (value === 'REPLACE') return value
    throw new S3Error('InvalidArgument', `Unknown ${of} directive.`, {
      details: { ArgumentName: name, ArgumentValue: value.slice(0, 200) },
    })
  }
}

export const copyObject = operation({
  name: 'CopyObject',
  method: 'PUT',
  target: 'object',
  selector: { headers: ['x-amz-copy-source'] },
  permission: 'write',
  groups: ['metadata'],
  body: 'none',
  long: true,
  errors: [
    'InvalidArgument',
    'InvalidRedirectLocation',
    'InvalidEncryptionAlgorithmError',
    'InvalidRequest',
    'MetadataTooLarge',
    'NoSuchBucket',
    'NoSuchKey',
    'NoSuchVersion',
    'PreconditionFailed',
    'QuotaExceeded',
  ],
  parameters: {
    ...metadataParameters,
    ...sourceParameters,
    ...sourceKeyParameters,
    ...customerKeyParameters,
    ifMatch: header('if-match', ifMatchOnWrite),
    ifNoneMatch: header('if-none-match', ifNoneMatchOnWrite),
    metadataDirective: header('x-amz-metadata-directive', directive('metadata')),
    taggingDirective: header('x-amz-tagging-directive', directive('tagging')),
    algorithm: header('x-amz-checksum-algorithm', supportedAlgorithm),
  },
  handle: async (input, context) => {
    const { store, bucket, key, request } = context
    const { source } = input
    const from = await sourceBucket(context, input)
    const isReplaced = input.metadataDirective === 'REPLACE'
    if (from.id === bucket.id && source.key === key && !isReplaced) checkSelfCopy(context)
    const customerKey = customerKeyOf(input)
    const sent = storedMetadata(request.headers)
    const { etag, checksum, modifiedMicros } = await copyStored(store, {
      bucket: bucket.id,
      key,
      source: { bucket: from.id, key: source.key, customerKey: sourceKeyOf(input)?.bytes },
      customerKey: customerKey?.bytes,
      judge: (info) => {
        judgeSource(info, input, context.clock.wallMicros())
        checkSourceSize(info.size)
        context.mayAnswerEarly(customerKeyHeaders(customerKey))
      },
      metadata: (stored) => (isReplaced ? sent : keptMetadata(stored, sent)),
      checksumWanted: input.algorithm,
      conditions: writeConditions(input.ifMatch, input.ifNoneMatch),
      operation: operationId(context, 'CopyObject'),
      signal: request.signal,
    })
    return documentAnswer(
      'CopyObjectResult',
      element('LastModified', isoTime(modifiedMicros)) +
        element('ETag', `"${etag}"`) +
        element('ChecksumType', checksum?.type) +
        checksumElement(checksum),
      customerKeyHeaders(customerKey),
    )
  },
})

/** The source's, without where a website would redirect: that is never copied. */
function keptMetadata(stored: Metadata, sent: Metadata): Metadata {
  return [
    ...stored.filter(([name]) => name !== REDIRECT_HEADER),
    ...sent.filter(([name]) => name === REDIRECT_HEADER),
  ]
}

/** What makes a copy of an object onto itself a change. */
const changes = [
  'x-amz-storage-class',
  'x-amz-server-side-encryption-customer-algorithm',
  REDIRECT_HEADER,
] as const

/** @throws {S3Error} `InvalidRequest` when an object would be copied onto itself as it is */
function checkSelfCopy({ request }: ObjectContext): void {
  if (changes.some((name) => request.headers.has(name))) return
  throw new S3Error(
    'InvalidRequest',
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
  )
}
