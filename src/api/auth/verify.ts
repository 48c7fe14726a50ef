/** The one verifier of signed requests: header and presigned, every payload mode. */

import type { Clock } from '../../base/clock.ts'
import type { HttpRequest } from '../http/request.ts'
import { AuthError } from './errors.ts'
import type { SigningKeys } from './signing-key.ts'
import type { Verified } from './verified.ts'

export interface VerifyContext {
  /** The secret of an access key id; undefined when there is no such (living) key. */
  readonly findSecret: (keyId: string) => string | undefined | Promise<string | undefined>
  readonly clock: Clock
  /** The door's cache of derived keys: one for its life. */
  readonly signingKeys: SigningKeys
  /** Only this region is taken; any well-formed one when absent. */
  readonly strictRegion?: string
  /** @default 's3' */
  readonly service?: string
}

/**
 * Proves who sent `request` and that nothing of it was changed.
 *
 * Reads no body byte. The body of the result verifies itself while it is read.
 *
 * @throws {AuthError} with S3's code for what is wrong
 * @throws {HttpError} for a target that cannot be read
 */
export async function verifyRequest(
  request: HttpRequest,
  context: VerifyContext,
): Promise<Verified> {
  await context.findSecret(request.method)
  throw new AuthError('AccessDenied', 'Cannot verify the request: not written yet')
}
