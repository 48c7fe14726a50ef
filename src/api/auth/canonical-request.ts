/** The canonical request and the string to sign of AWS Signature Version 4. */

import { hash } from 'node:crypto'
import { ALGORITHM, type Claim } from './claim.ts'
import { AuthError } from './errors.ts'

export interface CanonicalParts {
  readonly method: string
  /** Encoded path. */
  readonly path: string
  /** Canonical query. */
  readonly query: string
  readonly headers: ReadonlyMap<string, string>
  readonly signedHeaders: readonly string[]
  /** As the client wrote it: a hash or the name of a payload mode. */
  readonly payload: string
}

/**
 * Source: AWS Signature Version 4, "Create a canonical request".
 *
 * @throws {AuthError} `SignatureDoesNotMatch` when a header that was signed did not arrive
 */
export function canonicalRequest(parts: CanonicalParts): string {
  let text = `${parts.method}\n${parts.path}\n${parts.query}\n`
  let names = ''
  for (const name of parts.signedHeaders) {
    const value = parts.headers.get(name)
    if (value === undefined) {
      throw new AuthError(
        'SignatureDoesNotMatch',
        `Cannot check the signature: the signed header "${name}" did not arrive`,
      )
    }
    text += `${name}:${canonicalValue(value)}\n`
    names += names === '' ? name : `;${name}`
  }
  return `${text}\n${names}\n${parts.payload}`
}

/** Source: AWS Signature Version 4, "Create a string to sign". */
export function stringToSign(claim: Claim, canonical: string): string {
  return `${ALGORITHM}\n${claim.amzDate}\n${claim.scopeText}\n${sha256Hex(canonical)}`
}

/** SHA-256 of latin1 text in lower-case hex. */
export function sha256Hex(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return hash('sha256', /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'latin1'), 'hex')
}

function canonicalValue(value: string): string {
  return value.includes('  ') || value.includes('\t') ? value.trim().replace(/[ \t]+/g, ' ') : value
}
