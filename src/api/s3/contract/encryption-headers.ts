/**
 * What is asked for in vain of encryption with a key of the server: what S3 refuses itself is
 * refused as S3 does, before it is said that there is none of it here.
 *
 * Source: S3 API reference, PutObject and GetObject; S3 User Guide, "Using server-side encryption".
 */

import { S3Error } from '../errors.ts'

const SERVER_ENCRYPTION = 'x-amz-server-side-encryption'
const KEY_ID = `${SERVER_ENCRYPTION}-aws-kms-key-id`
const CUSTOMER_ALGORITHM = `${SERVER_ENCRYPTION}-customer-algorithm`

const methods: ReadonlySet<string> = new Set(['AES256', 'aws:fsx', 'aws:kms', 'aws:kms:dsse'])

/** @throws {S3Error} `InvalidArgument` for what no store of S3 would take */
export function checkServerEncryption(method: string, headers: ReadonlyMap<string, string>): void {
  const asked = headers.get(SERVER_ENCRYPTION)
  const keyId = headers.get(KEY_ID)
  if (asked === undefined && keyId === undefined) return
  if (method === 'GET' || method === 'HEAD') {
    throw invalid(`${SERVER_ENCRYPTION} header is not supported for this operation.`, asked)
  }
  if (asked === undefined || (asked === 'AES256' && keyId !== undefined)) {
    throw invalid(`${KEY_ID} goes with a ${SERVER_ENCRYPTION} of aws:kms alone`, asked)
  }
  if (!methods.has(asked)) {
    throw invalid('The encryption method specified is not supported', asked)
  }
  if (headers.has(CUSTOMER_ALGORITHM)) {
    throw invalid(
      'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
      asked,
    )
  }
}

function invalid(message: string, value = ''): S3Error {
  return new S3Error('InvalidArgument', message, {
    details: { ArgumentName: SERVER_ENCRYPTION, ArgumentValue: value.slice(0, 200) },
  })
}
