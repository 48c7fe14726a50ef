/** Failures of authentication, with the codes and statuses that S3 gives for them. */

import { DomainError } from '../../base/errors.ts'

/** Status of each code. Source: S3 API reference, "Error responses". */
export const authErrorStatus = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidChunkSizeError: 400,
  InvalidDigest: 400,
  InvalidPolicyDocument: 400,
  InvalidRequest: 400,
  MalformedTrailerError: 400,
  MaxMessageLengthExceeded: 400,
  MissingContentLength: 411,
  NotImplemented: 501,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  XAmzContentSHA256Mismatch: 400,
} as const

export type AuthErrorCode = keyof typeof authErrorStatus

/**
 * A request that is not proved, or a body that is not what was signed.
 *
 * `details` may hold further elements of S3's error document, such as `Region`.
 */
export class AuthError extends DomainError<AuthErrorCode> {
  get status(): number {
    return authErrorStatus[this.code]
  }
}
