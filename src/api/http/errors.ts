/** Failures of HTTP itself. The codes and statuses are those that S3 gives for them. */

import { DomainError } from '../../base/errors.ts'

/** Status of each code. Source: S3 API reference, "Error responses"; RFC 9110 for the rest. */
export const httpErrorStatus = {
  BadRequest: 400,
  ExpectationFailed: 417,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidArgument: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidURI: 400,
  ListenFailed: 500,
  MalformedPOSTRequest: 400,
  MalformedXML: 400,
  MaxMessageLengthExceeded: 400,
  MaxPostPreDataLengthExceededError: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NotImplemented: 501,
  RequestHeaderSectionTooLarge: 400,
  RequestTimeout: 400,
  SlowDown: 503,
} as const

export type HttpErrorCode = keyof typeof httpErrorStatus

/** A request that cannot be taken, or a body that broke off. */
export class HttpError extends DomainError<HttpErrorCode> {
  get status(): number {
    return httpErrorStatus[this.code]
  }
}
