/** Tokens that continue a list: opaque, and good only for the list that gave them. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { S3Error } from './errors.ts'

const MAC_SIZE_BYTES = 12
/** A token holds one position: at most a key, three characters of which are its base64. */
const TOKEN_LENGTH_MAX = 4096

/**
 * What a token is bound to: an id that the client does not choose (of the bucket, of the key that
 * asks), then whatever of the query must be the same on every page.
 */
export type TokenScope = readonly [id: string, ...query: string[]]

export function pageToken(scope: TokenScope, position: string): string {
  return Buffer.concat([mac(scope, position), Buffer.from(position, 'utf8')]).toString('base64url')
}

/**
 * The position that `pageToken` was given.
 *
 * @throws {S3Error} `InvalidArgument` when the token was not made for this scope
 */
export function readPageToken(scope: TokenScope, token: string, name: string): string {
  const bytes = token.length > TOKEN_LENGTH_MAX ? Buffer.alloc(0) : Buffer.from(token, 'base64url')
  if (bytes.length > MAC_SIZE_BYTES && bytes.toString('base64url') === token) {
    const position = bytes.subarray(MAC_SIZE_BYTES).toString('utf8')
    if (timingSafeEqual(bytes.subarray(0, MAC_SIZE_BYTES), mac(scope, position))) return position
  }
  throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect', {
    details: { ArgumentName: name },
  })
}

function mac([id, ...query]: TokenScope, position: string): Buffer {
  return createHmac('sha256', id)
    .update(JSON.stringify([...query, position]))
    .digest()
    .subarray(0, MAC_SIZE_BYTES)
}
