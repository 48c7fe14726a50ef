/** The Authorization header of AWS Signature Version 4. */

import { CLOCK_SKEW_MS_MAX } from '../../base/limits.ts'
import { parseHttpDate } from '../http/dates.ts'
import type { HttpRequest } from '../http/request.ts'
import {
  ALGORITHM,
  type Claim,
  readAmzDate,
  readCredential,
  readSignedHeaders,
  type ScopeRule,
} from './claim.ts'
import { AuthError } from './errors.ts'

const MALFORMED = 'AuthorizationHeaderMalformed'

/**
 * Reads the claim of a request signed in its header. Source: AWS Signature Version 4,
 * "Authorization header"; error codes as AWS S3 gives them.
 *
 * @throws {AuthError} for a malformed header, a scope of elsewhere, a date too far from now
 */
export function readHeaderClaim(
  request: HttpRequest,
  authorization: string,
  context: { readonly rule: ScopeRule; readonly nowMillis: number },
): Claim {
  const parts = splitComponents(authorization)
  const credential = readCredential(parts.credential, context.rule, MALFORMED)
  const moment = readAmzDate(momentOf(request, context.nowMillis), credential.scope, {
    missing: 'AccessDenied',
    differs: MALFORMED,
  })
  if (Math.abs(context.nowMillis - moment.millis) > CLOCK_SKEW_MS_MAX) {
    throw new AuthError(
      'RequestTimeTooSkewed',
      'Cannot accept the signature: the time of the request and of the server differ too much',
      {
        details: {
          RequestTime: moment.amzDate,
          ServerTime: new Date(context.nowMillis).toISOString(),
          MaxAllowedSkewMilliseconds: CLOCK_SKEW_MS_MAX,
        },
      },
    )
  }
  return {
    kind: 'header',
    keyId: credential.keyId,
    scope: credential.scope,
    scopeText: credential.scopeText,
    amzDate: moment.amzDate,
    millis: moment.millis,
    signedHeaders: readSignedHeaders(parts.signedHeaders, MALFORMED),
    signature: parts.signature,
  }
}

/**
 * The moment of signing as the string to sign has it: that of `x-amz-date`, else of `date`.
 * Source: AWS Signature Version 4, "Elements of a request signature".
 */
function momentOf({ headers }: HttpRequest, nowMillis: number): string | undefined {
  const date = headers.get('x-amz-date') ?? headers.get('date')
  if (date === undefined || headers.has('x-amz-date')) return date
  // botocore writes the zone as mail does.
  const millis = parseHttpDate(date.replace(/ [+-]0000$/, ' GMT'), nowMillis)
  return millis === undefined ? date : new Date(millis).toISOString().replace(/[-:]|\.000/g, '')
}

interface Components {
  readonly credential: string
  readonly signedHeaders: string
  readonly signature: string
}

function splitComponents(authorization: string): Components {
  const space = authorization.indexOf(' ')
  const scheme = space === -1 ? authorization : authorization.slice(0, space)
  if (scheme !== ALGORITHM) throw wrongScheme(scheme, space !== -1)
  if (space === -1) {
    throw new AuthError('InvalidArgument', 'Cannot read Authorization: it holds no space')
  }
  let credential: string | undefined
  let signedHeaders: string | undefined
  let signature: string | undefined
  for (const part of authorization.slice(space + 1).split(',')) {
    const equals = part.indexOf('=')
    const name = equals === -1 ? '' : part.slice(0, equals).trim()
    const value = part.slice(equals + 1).trim()
    if (name === 'Credential' && credential === undefined) credential = value
    else if (name === 'SignedHeaders' && signedHeaders === undefined) signedHeaders = value
    else if (name === 'Signature' && signature === undefined) signature = value
    else throw new AuthError(MALFORMED, `Cannot read Authorization: unexpected "${part.trim()}"`)
  }
  if (credential === undefined) throw missing('Credential')
  if (signedHeaders === undefined) throw missing('SignedHeaders')
  if (signature === undefined) throw missing('Signature')
  return { credential, signedHeaders, signature }
}

function missing(name: string): AuthError {
  return new AuthError(MALFORMED, `Cannot read Authorization: "${name}" is missing`)
}

function wrongScheme(scheme: string, hasSpace: boolean): AuthError {
  if (hasSpace && (scheme === 'AWS' || scheme.startsWith('AWS4-'))) {
    return new AuthError(
      'InvalidRequest',
      `Cannot use the authorization mechanism: it is "${scheme}", wanted "${ALGORITHM}"`,
    )
  }
  return new AuthError(
    'InvalidArgument',
    `Cannot read Authorization: the scheme is not "${ALGORITHM}"`,
    { details: { ArgumentName: 'Authorization' } },
  )
}
