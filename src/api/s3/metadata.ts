/** Headers that are stored with an object, and how they come back. */

import { REDIRECT_LOCATION_BYTES_MAX, USER_METADATA_BYTES_MAX } from '../../base/limits.ts'
import type { Metadata } from '../../model/rows/object.ts'
import { REDIRECT_HEADER } from '../object/site.ts'
import { header, rawText } from './contract/parameters.ts'
import { S3Error } from './errors.ts'

/** Kept as sent. Source: S3 API reference, PutObject, request headers ("system metadata"). */
const systemHeaders = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
] as const

/** What S3 says of an object that was stored without a type. */
const DEFAULT_CONTENT_TYPE = 'binary/octet-stream'
const USER_PREFIX = 'x-amz-meta-'

/**
 * The headers of a request that its object keeps, values byte for byte (as latin1 text).
 *
 * @throws {S3Error} `InvalidRedirectLocation`; `MetadataTooLarge`: names (without the prefix) and values of `x-amz-meta-*`
 *   take more than 2 KiB
 */
export function storedMetadata(headers: ReadonlyMap<string, string>): Metadata {
  const stored: [string, string][] = [
    ['content-type', headers.get('content-type') || DEFAULT_CONTENT_TYPE],
  ]
  for (const name of systemHeaders) {
    const value = headers.get(name)
    if (value !== undefined && value !== '') stored.push([name, value])
  }
  const redirect = headers.get(REDIRECT_HEADER)
  if (redirect !== undefined) stored.push([REDIRECT_HEADER, checkedRedirect(redirect)])
  let size = 0
  for (const [name, value] of headers) {
    if (!name.startsWith(USER_PREFIX)) continue
    size += name.length - USER_PREFIX.length + value.length
    stored.push([name, value])
  }
  if (size > USER_METADATA_BYTES_MAX) {
    throw new S3Error(
      'MetadataTooLarge',
      'Your metadata headers exceed the maximum allowed metadata size',
      { details: { Size: size, MaxSizeAllowed: USER_METADATA_BYTES_MAX } },
    )
  }
  return stored
}

/**
 * Where a site leads whoever asks for the object.
 * Source: S3 API reference, PutObject, `x-amz-website-redirect-location`.
 */
function checkedRedirect(location: string): string {
  if (!/^(\/|https?:\/\/)[\x21-\x7e\x80-\xff]*$/.test(location)) {
    throw new S3Error(
      'InvalidRedirectLocation',
      "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
    )
  }
  if (location.length > REDIRECT_LOCATION_BYTES_MAX) {
    throw new S3Error(
      'InvalidRedirectLocation',
      'The length of website redirect location cannot exceed 2,048 characters.',
    )
  }
  return location
}

/** What `storedMetadata` reads beside the headers of its group. */
export const metadataParameters = { redirect: header(REDIRECT_HEADER, rawText) }

/** Values that the client wants in place of the stored ones, by header name. */
export type Overrides = Readonly<Record<string, string | undefined>>

/** The stored headers as they are answered. */
export function metadataHeaders(
  metadata: Metadata,
  overrides: Overrides | undefined,
): (readonly [string, string])[] {
  if (overrides === undefined) return [...metadata]
  const headers = metadata.filter(([name]) => overrides[name] === undefined)
  for (const [name, value] of Object.entries(overrides)) {
    if (value !== undefined) headers.push([name, value])
  }
  return headers
}
