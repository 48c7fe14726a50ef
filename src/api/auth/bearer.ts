/** Bearer tokens of the admin API. */

import { createHash, timingSafeEqual } from 'node:crypto'

/** Longer ones are nobody's. */
const TOKEN_LENGTH_MAX = 1024

/**
 * A check of Authorization headers against one token, in a time that tells nothing about it.
 * Only the token's digest is kept.
 */
export function bearerCheck(token: string): (authorization: string | undefined) => boolean {
  const wanted = digestOf(token)
  return (authorization) => {
    const given = bearerToken(authorization)
    return given !== undefined && timingSafeEqual(digestOf(given), wanted)
  }
}

/** The token of `Bearer token`; undefined when there is none. Source: RFC 6750 section 2.1. */
export function bearerToken(authorization: string | undefined): string | undefined {
  const found = /^Bearer +(\S+)$/i.exec(authorization ?? '')
  const token = found?.[1]
  return token === undefined || token.length > TOKEN_LENGTH_MAX ? undefined : token
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
