/** What a request says of its signature, before anything of it is believed. */

import { parseBasicIso } from '../http/dates.ts'
import { AuthError, type AuthErrorCode } from './errors.ts'
import type { Scope } from './signing-key.ts'

export const ALGORITHM = 'AWS4-HMAC-SHA256'

export interface Claim {
  readonly kind: 'header' | 'presigned'
  readonly keyId: string
  readonly scope: Scope
  /** `date/region/service/aws4_request`. */
  readonly scopeText: string
  /** `YYYYMMDDTHHMMSSZ`, and its milliseconds. */
  readonly amzDate: string
  readonly millis: number
  /** Lower case, sorted, without repeats; holds `host`. */
  readonly signedHeaders: readonly string[]
  /** Text as claimed; need not be hex. */
  readonly signature: string
}

/** The scope that this door takes. */
export interface ScopeRule {
  readonly service: string
  readonly strictRegion: string | undefined
}

const wellFormedRegion = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const headerName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/

/**
 * Reads `keyid/date/region/service/aws4_request`. A key id may itself hold `/`.
 *
 * @param malformed the code for whatever is wrong with it
 */
export function readCredential(
  credential: string,
  rule: ScopeRule,
  malformed: AuthErrorCode,
): Pick<Claim, 'keyId' | 'scope' | 'scopeText'> {
  const parts = credential.split('/')
  const [date, region, service, terminal] = parts.slice(-4)
  if (parts.length < 5 || date === undefined || region === undefined) {
    throw new AuthError(malformed, 'Cannot read the credential: it has fewer than 5 parts')
  }
  const keyId = parts.slice(0, -4).join('/')
  if (keyId === '') throw new AuthError(malformed, 'Cannot read the credential: no key id')
  if (!/^\d{8}$/.test(date) || parseBasicIso(`${date}T000000Z`) === undefined) {
    throw new AuthError(malformed, `Cannot read the credential: "${date}" is not a date`)
  }
  if (terminal !== 'aws4_request') {
    throw new AuthError(
      malformed,
      `Cannot read the credential: it ends in "${terminal ?? ''}", wanted "aws4_request"`,
    )
  }
  if (service !== rule.service) {
    throw new AuthError(
      malformed,
      `Cannot use the credential: the service is "${service ?? ''}", wanted "${rule.service}"`,
    )
  }
  checkRegion(region, rule, malformed)
  return {
    keyId,
    scope: { date, region, service },
    scopeText: `${date}/${region}/${service}/aws4_request`,
  }
}

function checkRegion(region: string, rule: ScopeRule, malformed: AuthErrorCode): void {
  if (rule.strictRegion !== undefined && region !== rule.strictRegion) {
    throw new AuthError(
      malformed,
      `Cannot use the credential: the region is "${region}", wanted "${rule.strictRegion}"`,
      { details: { Region: rule.strictRegion } },
    )
  }
  if (!wellFormedRegion.test(region)) {
    throw new AuthError(malformed, `Cannot use the credential: "${region}" is not a region`)
  }
}

/**
 * Reads `host;x-amz-date`: lower case, sorted, no name twice, `host` among them.
 *
 * @throws {AuthError} `malformed`; `AccessDenied` when `host` is not signed
 */
export function readSignedHeaders(list: string, malformed: AuthErrorCode): readonly string[] {
  const names = list.split(';')
  let before = ''
  for (const name of names) {
    if (!headerName.test(name)) {
      throw new AuthError(malformed, `Cannot read SignedHeaders: "${name}" is not a header name`)
    }
    if (name <= before) {
      throw new AuthError(malformed, `Cannot read SignedHeaders: "${name}" is out of order`)
    }
    before = name
  }
  if (!names.includes('host')) {
    throw new AuthError('AccessDenied', 'Cannot accept the signature: "host" is not signed')
  }
  return names
}

/** Reads the moment of signing, which must be of the scope's day. */
export function readAmzDate(
  amzDate: string | undefined,
  scope: Scope,
  codes: { readonly missing: AuthErrorCode; readonly differs: AuthErrorCode },
): Pick<Claim, 'amzDate' | 'millis'> {
  const millis = amzDate === undefined ? undefined : parseBasicIso(amzDate)
  if (amzDate === undefined || millis === undefined) {
    throw new AuthError(
      codes.missing,
      `Cannot accept the signature: X-Amz-Date is "${amzDate ?? ''}", wanted YYYYMMDDTHHMMSSZ`,
    )
  }
  if (!amzDate.startsWith(scope.date)) {
    throw new AuthError(
      codes.differs,
      `Cannot accept the signature: the credential is of ${scope.date}, X-Amz-Date of ${amzDate}`,
    )
  }
  return { amzDate, millis }
}
