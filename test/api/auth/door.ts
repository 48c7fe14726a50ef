/** Requests made by hand, signed by aws4 or by our own steps, and a verifier for them. */

import assert from 'node:assert/strict'
import aws4 from 'aws4'
import { AuthError, type AuthErrorCode } from '../../../src/api/auth/errors.ts'
import { bodyOf, type RequestParts, requestOf } from '../http/request-parts.ts'
import type { Verified } from '../../../src/api/auth/verified.ts'
import { SigningKeys } from '../../../src/api/auth/signing-key.ts'
import { type VerifyContext, verifyRequest } from '../../../src/api/auth/verify.ts'
import { parseBasicIso } from '../../../src/api/http/dates.ts'
import { HandClock } from '../http/door.ts'

// The key of AWS's own examples.
export const KEY_ID = 'AKIAIOSFODNN7EXAMPLE'
export const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
export const NOW = '20130524T000000Z'
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** A verifier at a moment, knowing one key. */
export function contextAt(amzDate: string, more: Partial<VerifyContext> = {}): VerifyContext {
  const clock = new HandClock()
  clock.micros = (parseBasicIso(amzDate) ?? 0) * 1000
  return {
    findSecret: (keyId) => (keyId === KEY_ID ? SECRET : undefined),
    clock,
    signingKeys: new SigningKeys(),
    ...more,
  }
}

export function verify(parts: RequestParts, context = contextAt(NOW)): Promise<Verified> {
  return verifyRequest(requestOf(parts), context)
}

export interface Unsigned {
  readonly method?: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array
  readonly region?: string
  readonly date?: string
  readonly secret?: string
  readonly keyId?: string
}

/** Signs with aws4, which knows nothing of our verifier. */
export function signed(unsigned: Unsigned, options: { signQuery?: boolean } = {}): RequestParts {
  const result = aws4.sign(
    {
      method: unsigned.method ?? 'GET',
      path: unsigned.path,
      service: 's3',
      region: unsigned.region ?? 'us-east-1',
      ...(options.signQuery === true ? { signQuery: true } : {}),
      headers: {
        Host: 'localhost:3900',
        ...(options.signQuery === true
          ? {}
          : {
              'X-Amz-Date': unsigned.date ?? NOW,
              'X-Amz-Content-Sha256': EMPTY_SHA256,
            }),
        ...unsigned.headers,
      },
    } as aws4.Request,
    {
      accessKeyId: unsigned.keyId ?? KEY_ID,
      secretAccessKey: unsigned.secret ?? SECRET,
    },
  )
  return {
    method: unsigned.method ?? 'GET',
    target: result.path ?? '/',
    headers: result.headers as Record<string, string>,
    ...(unsigned.body === undefined ? {} : { body: bodyOf(unsigned.body) }),
    ...(unsigned.body === undefined ? {} : { bodyLength: unsigned.body.length }),
  }
}

/** Verifies and wants it to fail with `code`. */
export async function refuses(
  parts: RequestParts,
  code: AuthErrorCode,
  context = contextAt(NOW),
): Promise<AuthError> {
  try {
    await verify(parts, context)
  } catch (error) {
    assert.ok(error instanceof AuthError, String(error))
    assert.equal(error.code, code, error.message)
    return error
  }
  return assert.fail(`was accepted, wanted ${code}`)
}

/** A right request whose Authorization is changed. */
export function withAuthorization(change: (text: string) => string): RequestParts {
  const parts = signed({ path: '/b/k' })
  return {
    ...parts,
    headers: { ...parts.headers, Authorization: change(parts.headers['Authorization'] ?? '') },
  }
}

/** aws4 takes date and expiry from the path when they are there. */
export function presignedPath(path: string, date = NOW, expires = '3600'): string {
  return `${path}${path.includes('?') ? '&' : '?'}X-Amz-Date=${date}&X-Amz-Expires=${expires}`
}
