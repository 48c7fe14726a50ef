/** Signatures in the query: presigned URLs. */

import { CLOCK_SKEW_MS_MAX, PRESIGNED_SECONDS_MAX } from '../../base/limits.ts'
import type { Query } from '../http/query.ts'
import {
  ALGORITHM,
  type Claim,
  readAmzDate,
  readCredential,
  readSignedHeaders,
  type ScopeRule,
} from './claim.ts'
import { AuthError } from './errors.ts'

const MALFORMED = 'AuthorizationQueryParametersError'

export const SIGNATURE_PARAMETER = 'X-Amz-Signature'

const ownParameters: ReadonlySet<string> = new Set([
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-SignedHeaders',
  SIGNATURE_PARAMETER,
])

/** Checksums of an empty body, which SDKs write into every presigned URL: they say nothing. */
const emptyChecksums: ReadonlyMap<string, string> = new Map([
  ['x-amz-checksum-crc32', 'AAAAAA=='],
  ['x-amz-checksum-crc32c', 'AAAAAA=='],
  ['x-amz-checksum-crc64nvme', 'AAAAAAAAAAA='],
  ['x-amz-checksum-sha1', '2jmj7l5rSw0yVb/vlWAYkK/YBwk='],
  ['x-amz-checksum-sha256', '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
])

function isPlaceholder(name: string, value: string): boolean {
  return name === 'x-amz-sdk-checksum-algorithm' || emptyChecksums.get(name) === value
}

/** Whether the query carries any part of a SigV4 signature. */
export function isPresigned(query: Query): boolean {
  return (
    query.has('X-Amz-Algorithm') || query.has(SIGNATURE_PARAMETER) || query.has('X-Amz-Credential')
  )
}

/** Whether the query carries a signature of version 2, which is not supported. */
export function isPresignedV2(query: Query): boolean {
  return query.has('AWSAccessKeyId') && query.has('Signature')
}

/**
 * Reads the claim of a presigned URL. Source: AWS Signature Version 4, "Authenticating requests:
 * using query parameters".
 *
 * @throws {AuthError} also for a URL that has expired or is of the future: one signed for a later
 *   day would outlive the seven days
 */
export function readPresignedClaim(
  query: Query,
  context: { readonly rule: ScopeRule; readonly nowMillis: number },
): Claim {
  const algorithm = parameter(query, 'X-Amz-Algorithm')
  if (algorithm !== ALGORITHM) {
    throw new AuthError(
      MALFORMED,
      `Cannot use the algorithm: X-Amz-Algorithm is "${algorithm}", wanted "${ALGORITHM}"`,
    )
  }
  const credential = readCredential(parameter(query, 'X-Amz-Credential'), context.rule, MALFORMED)
  const moment = readAmzDate(parameter(query, 'X-Amz-Date'), credential.scope, {
    missing: MALFORMED,
    differs: MALFORMED,
  })
  const expiresSeconds = readExpires(parameter(query, 'X-Amz-Expires'))
  const signedHeaders = readSignedHeaders(parameter(query, 'X-Amz-SignedHeaders'), MALFORMED)
  const signature = parameter(query, SIGNATURE_PARAMETER)
  checkTime(moment.millis, expiresSeconds, context.nowMillis)
  return { kind: 'presigned', ...credential, ...moment, signedHeaders, signature }
}

/**
 * The headers that a presigned URL stands for: those of the request and the `x-amz-*` parameters.
 * And the query without what became a header or was the signature.
 */
export function hoistParameters(
  headers: ReadonlyMap<string, string>,
  query: Query,
): { readonly headers: ReadonlyMap<string, string>; readonly query: Query } {
  const allHeaders = new Map(headers)
  const rest = new Map<string, string>()
  for (const [name, value] of query) {
    if (ownParameters.has(name)) continue
    const lower = name.toLowerCase()
    if (!lower.startsWith('x-amz-')) rest.set(name, value)
    else if (!isPlaceholder(lower, value)) hoist(allHeaders, lower, value)
  }
  return { headers: allHeaders, query: rest }
}

function hoist(headers: Map<string, string>, name: string, value: string): void {
  const text = Buffer.from(value, 'utf8').toString('latin1').trim()
  const known = headers.get(name)
  if (known !== undefined && known !== text) {
    throw new AuthError(
      'InvalidArgument',
      `Cannot read "${name}": the header and the query parameter differ`,
    )
  }
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(text)) {
    throw new AuthError('InvalidArgument', `Cannot read "${name}": it holds a control character`)
  }
  headers.set(name, text)
}

function parameter(query: Query, name: string): string {
  const value = query.get(name)
  if (value === undefined || value === '') {
    throw new AuthError(MALFORMED, `Cannot read the presigned URL: "${name}" is missing`)
  }
  return value
}

function readExpires(text: string): number {
  if (!/^\d{1,12}$/.test(text) || Number(text) > PRESIGNED_SECONDS_MAX) {
    throw new AuthError(
      MALFORMED,
      `Cannot read the presigned URL: X-Amz-Expires is "${text}", ` +
        `wanted a number of seconds up to ${PRESIGNED_SECONDS_MAX}`,
    )
  }
  return Number(text)
}

function checkTime(signedMillis: number, expiresSeconds: number, nowMillis: number): void {
  const expiresMillis = signedMillis + expiresSeconds * 1000
  if (nowMillis > expiresMillis) {
    throw new AuthError('AccessDenied', 'Request has expired', {
      details: {
        'X-Amz-Expires': expiresSeconds,
        Expires: new Date(expiresMillis).toISOString(),
        ServerTime: new Date(nowMillis).toISOString(),
      },
    })
  }
  if (signedMillis > nowMillis + CLOCK_SKEW_MS_MAX) {
    throw new AuthError('AccessDenied', 'Request is not valid yet', {
      details: { ServerTime: new Date(nowMillis).toISOString() },
    })
  }
}
