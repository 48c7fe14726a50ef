/** PutObject: stores an object whole, or not at all. */

import { putObject as storeObject } from '../../../store/object/put-object.ts'
import { emptyAnswer } from '../answers.ts'
import { checksumHeaders } from '../checksums.ts'
import { withExpiration } from '../expiration.ts'
import { metadataParameters, storedMetadata } from '../metadata.ts'
import { customerKeyHeaders, customerKeyOf, customerKeyParameters } from '../customer-key.ts'
import { operationId } from '../operation-id.ts'
import { operation } from '../contract/operation.ts'
import {
  header,
  ifMatchOnWrite,
  ifNoneMatchOnWrite,
  writeConditions,
} from '../contract/parameters.ts'

export const putObject = operation({
  name: 'PutObject',
  method: 'PUT',
  target: 'object',
  permission: 'write',
  groups: ['metadata', 'checksum'],
  body: 'stream',
  hot: true,
  errors: [
    'BadDigest',
    'EntityTooLarge',
    'IncompleteBody',
    'InvalidRedirectLocation',
    'InvalidArgument',
    'InvalidEncryptionAlgorithmError',
    'MetadataTooLarge',
    'NoSuchKey',
    'PreconditionFailed',
    'QuotaExceeded',
    'XAmzContentSHA256Mismatch',
  ],
  parameters: {
    ...metadataParameters,
    ...customerKeyParameters,
    ifMatch: header('if-match', ifMatchOnWrite),
    ifNoneMatch: header('if-none-match', ifNoneMatchOnWrite),
  },
  handle: async (input, context) => {
    const customerKey = customerKeyOf(input)
    const { etag, checksum, size } = await storeObject(context.store, {
      bucket: context.bucket.id,
      key: context.key,
      metadata: storedMetadata(context.request.headers),
      conditions: writeConditions(input.ifMatch, input.ifNoneMatch),
      body: context.request.body,
      customerKey: customerKey?.bytes,
      operation: operationId(context, 'PutObject'),
    })
    const headers = [
      ['etag', `"${etag}"`] as const,
      ...checksumHeaders(checksum),
      ...customerKeyHeaders(customerKey),
    ]
    const made = { size, modifiedMicros: context.clock.wallMicros() }
    return emptyAnswer(200, withExpiration(headers, context.bucket, context.key, made))
  },
})
