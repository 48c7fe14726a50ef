/** From what went wrong to S3's answer: the one map, and the one place that writes the document. */

import { DomainError } from '../../base/errors.ts'
import type { StoreErrorCode } from '../../store/errors.ts'
import { StoreError } from '../../store/errors.ts'
import { AuthError } from '../auth/errors.ts'
import { HttpError } from '../http/errors.ts'
import type { HttpResponse } from '../http/response.ts'
import { errorAnswers } from './error-codes.ts'
import type { S3ErrorCode } from './error-codes.ts'
import { XML_HEAD, element } from './xml-text.ts'

/**
 * A request that S3's own rules refuse.
 *
 * `details` become elements of the error document: their names are S3's.
 */
export class S3Error extends DomainError<S3ErrorCode> {}

/** Each failure of the store as S3 says it. */
const storeAnswers = {
  BadDigest: 'BadDigest',
  BlockUnavailable: 'ServiceUnavailable',
  BucketAlreadyExists: 'BucketAlreadyExists',
  BucketAlreadyOwnedByYou: 'BucketAlreadyOwnedByYou',
  BucketNotEmpty: 'BucketNotEmpty',
  ConditionNotFound: 'NoSuchKey',
  EntityTooLarge: 'EntityTooLarge',
  EntityTooSmall: 'EntityTooSmall',
  IncompleteBody: 'IncompleteBody',
  InvalidBucketName: 'InvalidBucketName',
  InvalidChecksum: 'InvalidRequest',
  InvalidPart: 'InvalidPart',
  InvalidPartOrder: 'InvalidPartOrder',
  InvalidLayout: 'InvalidRequest',
  KeyAlreadyExists: 'InvalidRequest',
  LastBucketName: 'InvalidRequest',
  LayoutConflict: 'ServiceUnavailable',
  NoSuchAccessKey: 'InvalidAccessKeyId',
  NoSuchAdminToken: 'InvalidRequest',
  NoSuchBucket: 'NoSuchBucket',
  NoSuchKey: 'NoSuchKey',
  NoSuchUpload: 'NoSuchUpload',
  OutcomeUnknown: 'ServiceUnavailable',
  PayloadHashMismatch: 'XAmzContentSHA256Mismatch',
  PreconditionFailed: 'PreconditionFailed',
  QuotaExceeded: 'QuotaExceeded',
  SlowDown: 'SlowDown',
  CustomerKeyMissing: 'InvalidRequest',
  CustomerKeyNotNeeded: 'InvalidRequest',
  CustomerKeyWrong: 'AccessDenied',
  UploadKeyWrong: 'InvalidRequest',
  StorageFull: 'ServiceUnavailable',
  Unavailable: 'ServiceUnavailable',
} as const satisfies Record<StoreErrorCode, S3ErrorCode>

/** Codes whose own sentence says more than S3's fixed one. */
const ownWords: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'EntityTooSmall',
  'InvalidChecksum',
  'CustomerKeyMissing',
  'CustomerKeyNotNeeded',
  'UploadKeyWrong',
  'InvalidBucketName',
  'OutcomeUnknown',
  'QuotaExceeded',
  'StorageFull',
  'Unavailable',
])

/** What the client is told. */
export interface Failure {
  /** S3's, or one of `api/http` that S3 does not have. */
  readonly code: string
  readonly status: number
  readonly message: string
  /** Further elements of the document. */
  readonly fields: Readonly<Record<string, string>>
  /** Not an expected failure: the cause is logged. */
  readonly fault: boolean
}

/** S3's answer to anything thrown while a request was served. */
export function failureOf(error: unknown): Failure {
  if (error instanceof S3Error) return failure(error.code, error.message, error.details)
  if (error instanceof StoreError) {
    const code = storeAnswers[error.code]
    const { condition, key, ...details } = error.details
    return failure(code, ownWords.has(error.code) ? error.message : undefined, {
      ...details,
      ...(typeof key === 'string' ? { Key: key } : {}),
      ...(typeof condition === 'string' ? { Condition: condition } : {}),
    })
  }
  if (error instanceof AuthError || error instanceof HttpError) {
    const { code, status, message } = error
    return { code, status, message, fields: fieldsOf(error.details), fault: false }
  }
  return { ...failure('InternalError', undefined, {}), fault: true }
}

function failure(
  code: S3ErrorCode,
  message: string | undefined,
  details: Readonly<Record<string, unknown>>,
): Failure {
  const answer = errorAnswers[code]
  return {
    code,
    status: answer.status,
    message: message ?? answer.message,
    fields: fieldsOf(details),
    fault: false,
  }
}

function fieldsOf(details: Readonly<Record<string, unknown>>): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(details)) {
    // Elements of S3's document begin upper case; other details are for the log alone.
    if (/^[A-Z][\w-]*$/.test(name) && (typeof value === 'string' || typeof value === 'number')) {
      fields[name] = String(value)
    }
  }
  return fields
}

/** Seconds after which a refused client may come back. */
const RETRY_AFTER_SECONDS = '1'

/** The error document, with the headers that go with it. HEAD gets the headers alone. */
export function renderFailure(
  failed: Failure,
  at: { readonly resource: string; readonly requestId: string; readonly hostId: string },
): HttpResponse {
  const headers: [string, string][] = [['content-type', 'application/xml']]
  const size = failed.fields['ActualObjectSize']
  if (failed.status === 416 && size !== undefined) {
    headers.push(['content-range', `bytes */${size}`])
  }
  if (failed.status === 503) headers.push(['retry-after', RETRY_AFTER_SECONDS])
  let body = `${XML_HEAD}<Error>${element('Code', failed.code)}${element('Message', failed.message)}`
  for (const [name, value] of Object.entries(failed.fields)) body += element(name, value)
  body +=
    element('Resource', at.resource) +
    element('RequestId', at.requestId) +
    element('HostId', at.hostId) +
    '</Error>'
  return { status: failed.status, headers, body }
}
