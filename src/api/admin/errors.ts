/** What the admin API answers when something fails: code, status and one sentence. */

import { DomainError } from '../../base/errors.ts'
import { StoreError, type StoreErrorCode } from '../../store/errors.ts'
import { HttpError } from '../http/errors.ts'

/** Status of each code. Source: Garage v2 admin API; NotImplemented and LayoutConflict are ours. */
export const adminErrorStatus = {
  AccessDenied: 403,
  BucketAlreadyExists: 409,
  BucketNotEmpty: 409,
  InternalError: 500,
  InvalidBucketName: 400,
  InvalidRequest: 400,
  KeyAlreadyExists: 409,
  LayoutConflict: 409,
  NoSuchAccessKey: 404,
  NoSuchBucket: 404,
  NoSuchAdminToken: 404,
  NoSuchBlock: 404,
  NoSuchKey: 404,
  NoSuchWorker: 404,
  NotImplemented: 501,
  ServiceUnavailable: 503,
} as const

export type AdminErrorCode = keyof typeof adminErrorStatus

export class AdminError extends DomainError<AdminErrorCode> {}

/** What the store's failures are here. Those of objects cannot arise and are a fault of ours. */
const ofStore = {
  BadDigest: 'InternalError',
  BlockUnavailable: 'ServiceUnavailable',
  BucketAlreadyExists: 'BucketAlreadyExists',
  BucketAlreadyOwnedByYou: 'BucketAlreadyExists',
  BucketNotEmpty: 'BucketNotEmpty',
  ConditionNotFound: 'InternalError',
  EntityTooLarge: 'InternalError',
  EntityTooSmall: 'InternalError',
  IncompleteBody: 'InvalidRequest',
  InvalidBucketName: 'InvalidBucketName',
  InvalidChecksum: 'InternalError',
  InvalidPart: 'InternalError',
  InvalidPartOrder: 'InternalError',
  InvalidLayout: 'InvalidRequest',
  KeyAlreadyExists: 'KeyAlreadyExists',
  LastBucketName: 'InvalidRequest',
  LayoutConflict: 'LayoutConflict',
  NoSuchAccessKey: 'NoSuchAccessKey',
  NoSuchAdminToken: 'NoSuchAdminToken',
  NoSuchBucket: 'NoSuchBucket',
  NoSuchKey: 'NoSuchKey',
  NoSuchUpload: 'InternalError',
  OutcomeUnknown: 'ServiceUnavailable',
  PayloadHashMismatch: 'InternalError',
  PreconditionFailed: 'InternalError',
  QuotaExceeded: 'InternalError',
  SlowDown: 'ServiceUnavailable',
  CustomerKeyMissing: 'InternalError',
  CustomerKeyNotNeeded: 'InternalError',
  CustomerKeyWrong: 'InternalError',
  UploadKeyWrong: 'InternalError',
  StorageFull: 'ServiceUnavailable',
  Unavailable: 'ServiceUnavailable',
} satisfies Record<StoreErrorCode, AdminErrorCode>

/** What an error of a lower layer is here; undefined for what nobody expects. */
export function adminErrorOf(error: DomainError): AdminError | undefined {
  if (error instanceof AdminError) return error
  if (error instanceof HttpError) {
    return new AdminError(
      error.status >= 500 ? 'ServiceUnavailable' : 'InvalidRequest',
      error.message,
    )
  }
  if (error instanceof StoreError) return new AdminError(ofStore[error.code], error.message)
  return undefined
}
