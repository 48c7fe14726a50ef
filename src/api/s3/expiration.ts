/** The header that tells when a rule of the bucket's lifecycle ends an object. */

import type { Bucket } from '../../model/rows/bucket.ts'
import { objectExpiry } from '../../store/bucket/lifecycle.ts'
import type { ExpiringObject } from '../../store/bucket/lifecycle.ts'
import { httpDateOf } from '../http/dates.ts'
import type { HttpResponse } from '../http/response.ts'
import { encodeUri } from '../http/uri.ts'

/** The last moment that an HTTP date can name. */
const YEAR_10000_MICROS = 253_402_300_800_000_000

/**
 * `headers`, and `x-amz-expiration` where a rule ends the object. Costs a bucket without rules
 * nothing. Source: S3 API reference, GetObject and PutObject, `x-amz-expiration`.
 */
export function withExpiration(
  headers: HttpResponse['headers'],
  { settings }: Bucket,
  key: string,
  { size, modifiedMicros }: Omit<ExpiringObject, 'key'>,
): HttpResponse['headers'] {
  if (settings.lifecycle === undefined) return headers
  const expiry = objectExpiry(settings.lifecycle, { key, size, modifiedMicros })
  if (expiry === undefined || expiry.atMicros >= YEAR_10000_MICROS) return headers
  const { rule, atMicros } = expiry
  const value = `expiry-date="${httpDateOf(atMicros)}", rule-id="${encodeUri(rule.id)}"`
  return [...headers, ['x-amz-expiration', value]]
}
