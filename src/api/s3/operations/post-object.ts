/** PostObject: a browser's form stores its file, within the policy that signs the form. */

import { putObject as storeObject } from '../../../store/object/put-object.ts'
import { notAForm } from '../../auth/post-form.ts'
import { climbs, isKeyTooLong } from '../../http/host.ts'
import type { HttpResponse } from '../../http/response.ts'
import { encodePath, encodeUri } from '../../http/uri.ts'
import { emptyAnswer } from '../answers.ts'
import { CHECKSUM_ALGORITHMS, checksumHeaders } from '../checksums.ts'
import { customerKeyHeaders, customerKeyOf, customerKeyParameters } from '../customer-key.ts'
import type { BucketContext } from '../contract/operation.ts'
import { operation } from '../contract/operation.ts'
import { header, oneOf } from '../contract/parameters.ts'
import { errorAnswers } from '../error-codes.ts'
import { S3Error } from '../errors.ts'
import { withExpiration } from '../expiration.ts'
import { metadataParameters, storedMetadata } from '../metadata.ts'
import { XML_HEAD, element } from '../xml-text.ts'

export const postObject = operation({
  name: 'PostObject',
  method: 'POST',
  target: 'bucket',
  permission: 'write',
  doc: 'RESTObjectPOST.html',
  groups: ['metadata', 'checksum'],
  body: 'stream',
  errors: [
    'BadDigest',
    'EntityTooLarge',
    'InvalidArgument',
    'InvalidEncryptionAlgorithmError',
    'KeyTooLongError',
    'InvalidRedirectLocation',
    'MetadataTooLarge',
    'NoSuchBucket',
    'PreconditionFailed',
    'QuotaExceeded',
  ],
  parameters: {
    ...metadataParameters,
    ...customerKeyParameters,
    // Read where the form is verified: it names the digest that is computed.
    algorithm: header('x-amz-checksum-algorithm', oneOf(CHECKSUM_ALGORITHMS)),
  },
  handle: async (input, context) => {
    const { form } = context.request
    if (form === undefined) throw notAForm()
    const key = checkedKey(form.get('key') ?? '')
    const customerKey = customerKeyOf(input)
    const { etag, checksum, size } = await storeObject(context.store, {
      bucket: context.bucket.id,
      key,
      metadata: storedMetadata(context.request.headers),
      body: context.request.body,
      customerKey: customerKey?.bytes,
    })
    const made = { size, modifiedMicros: context.clock.wallMicros() }
    const headers = [
      ['etag', `"${etag}"`] as const,
      ...checksumHeaders(checksum),
      ...customerKeyHeaders(customerKey),
    ]
    return answerOf(context, form, {
      key,
      etag,
      headers: withExpiration(headers, context.bucket, key, made),
    })
  },
})

/** A key that a path could name as well. */
function checkedKey(key: string): string {
  if (key === '') throw invalidKey('User key must have a length greater than 0.')
  if (isKeyTooLong(key)) throw new S3Error('KeyTooLongError', errorAnswers.KeyTooLongError.message)
  if (key.includes('\0')) throw invalidKey('Cannot take the key: it holds NUL')
  if (climbs(key)) throw invalidKey('Cannot take the key: it climbs above its bucket')
  return key
}

function invalidKey(message: string): S3Error {
  return new S3Error('InvalidArgument', message, { details: { ArgumentName: 'key' } })
}

interface Stored {
  readonly key: string
  readonly etag: string
  readonly headers: HttpResponse['headers']
}

/**
 * Where the form wants its sender to go, or the status that it asks for.
 * Source: S3 API reference, POST Object, `success_action_redirect` and `success_action_status`:
 * what cannot be understood counts as absent.
 */
function answerOf(
  context: BucketContext,
  form: ReadonlyMap<string, string>,
  { key, etag, headers: stored }: Stored,
): HttpResponse {
  const { bucketName, request } = context
  const redirect = redirectUrl(form.get('success_action_redirect') ?? form.get('redirect'))
  if (redirect !== undefined) {
    const query = `bucket=${encodeUri(bucketName)}&key=${encodeUri(key)}&etag=%22${etag}%22`
    const location = `${redirect}${redirect.includes('?') ? '&' : '?'}${query}`
    return emptyAnswer(303, [...stored, ['location', location]])
  }
  const base = request.path.endsWith('/') ? request.path : `${request.path}/`
  const location = `${request.scheme}://${request.host}${base}${encodePath(key)}`
  const headers = [...stored, ['location', location] as const]
  const status = form.get('success_action_status')
  if (status !== '201') return emptyAnswer(status === '200' ? 200 : 204, headers)
  return {
    status: 201,
    headers: [['content-type', 'application/xml'], ...headers],
    body:
      `${XML_HEAD}<PostResponse>${element('Location', location)}` +
      `${element('Bucket', bucketName)}${element('Key', key)}` +
      `${element('ETag', `"${etag}"`)}</PostResponse>`,
  }
}

/** A whole http or https URL of printable ASCII, without a fragment. */
function redirectUrl(text: string | undefined): string | undefined {
  if (text === undefined || !/^https?:\/\/[!"$-~]+$/i.test(text)) return undefined
  return URL.canParse(text) ? text : undefined
}
