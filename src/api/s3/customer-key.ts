/** SSE-C: the three headers that bring a customer's key, and what is said of it in answers. */

import { createHash } from 'node:crypto'
import { fromBase64 } from '../../base/bytes.ts'
import { header, optionalText } from './contract/parameters.ts'
import { S3Error } from './errors.ts'

const OWN = 'x-amz-server-side-encryption-customer'
const SOURCE = 'x-amz-copy-source-server-side-encryption-customer'
const KEY_BYTES = 32

/** A key as a request brought it. Lives as long as the request does. */
export interface CustomerKey {
  readonly bytes: Uint8Array
  /** Base64. */
  readonly md5: string
}

/** Of the object that is written or read. */
export const customerKeyParameters = {
  customerAlgorithm: header(`${OWN}-algorithm`, optionalText),
  customerKey: header(`${OWN}-key`, optionalText),
  customerKeyMd5: header(`${OWN}-key-md5`, optionalText),
}

/** Of the source of a copy. */
export const sourceKeyParameters = {
  sourceAlgorithm: header(`${SOURCE}-algorithm`, optionalText),
  sourceKey: header(`${SOURCE}-key`, optionalText),
  sourceKeyMd5: header(`${SOURCE}-key-md5`, optionalText),
}

type Given<Name extends string> = { readonly [N in Name]: string | undefined }

/** @throws {S3Error} `InvalidArgument`, `InvalidEncryptionAlgorithmError` */
export function customerKeyOf(
  input: Given<keyof typeof customerKeyParameters>,
): CustomerKey | undefined {
  return keyOf(OWN, input.customerAlgorithm, [input.customerKey, input.customerKeyMd5])
}

/** @throws {S3Error} `InvalidArgument`, `InvalidEncryptionAlgorithmError` */
export function sourceKeyOf(
  input: Given<keyof typeof sourceKeyParameters>,
): CustomerKey | undefined {
  return keyOf(SOURCE, input.sourceAlgorithm, [input.sourceKey, input.sourceKeyMd5])
}

/** What an answer says of the key that its object is encrypted with. */
export function customerKeyHeaders(key: CustomerKey | undefined): [string, string][] {
  if (key === undefined) return []
  return [
    [`${OWN}-algorithm`, 'AES256'],
    [`${OWN}-key-md5`, key.md5],
  ]
}

/** Source: S3 user guide, "Using server-side encryption with customer-provided keys"; AWS's words. */
function keyOf(
  prefix: string,
  algorithm: string | undefined,
  [key, md5]: readonly [string | undefined, string | undefined],
): CustomerKey | undefined {
  if (algorithm === undefined && key === undefined && md5 === undefined) return undefined
  const request = 'Requests specifying Server Side Encryption with Customer provided keys must'
  if (algorithm === undefined) {
    throw refusal(`${prefix}-algorithm`, `${request} provide a valid encryption algorithm.`)
  }
  if (algorithm !== 'AES256') {
    throw new S3Error(
      'InvalidEncryptionAlgorithmError',
      'The encryption request you specified is not valid. The valid value is AES256.',
      { details: { ArgumentName: `${prefix}-algorithm`, ArgumentValue: algorithm.slice(0, 200) } },
    )
  }
  if (key === undefined) {
    throw refusal(`${prefix}-key`, `${request} provide an appropriate secret key.`)
  }
  if (md5 === undefined) {
    throw refusal(
      `${prefix}-key-MD5`,
      `${request} provide the client calculated MD5 of the secret key.`,
    )
  }
  const bytes = fromBase64(key)
  if (bytes?.length !== KEY_BYTES) {
    throw refusal(`${prefix}-key`, 'The secret key was invalid for the specified algorithm.')
  }
  if (createHash('md5').update(bytes).digest('base64') !== md5) {
    throw refusal(
      `${prefix}-key-MD5`,
      'The calculated MD5 hash of the key did not match the hash that was provided.',
    )
  }
  return { bytes, md5 }
}

/** Without the value: it may be a key. */
function refusal(name: string, message: string): S3Error {
  return new S3Error('InvalidArgument', message, { details: { ArgumentName: name } })
}
