/** What an object store can refuse, and how failures below become that. */

import { DomainError } from '../base/errors.ts'

export const storeErrorCodes = [
  'NoSuchBucket',
  'NoSuchKey',
  'NoSuchUpload',
  'NoSuchAccessKey',
  'BucketAlreadyExists',
  'BucketAlreadyOwnedByYou',
  'BucketNotEmpty',
  'InvalidBucketName',
  'KeyAlreadyExists',
  'PreconditionFailed',
  'ConditionNotFound',
  'InvalidPart',
  'InvalidPartOrder',
  'EntityTooSmall',
  'EntityTooLarge',
  'IncompleteBody',
  'BadDigest',
  'PayloadHashMismatch',
  'InvalidChecksum',
  'SlowDown',
  'Unavailable',
  'OutcomeUnknown',
  'StorageFull',
  'BlockUnavailable',
  'InvalidLayout',
  'LayoutConflict',
] as const

/**
 * `ConditionNotFound`: If-Match on a key that is not there. `PayloadHashMismatch`: the SHA-256 of
 * the signature. `BadDigest`: any other digest. `InvalidChecksum`: absent, or not the upload's
 * kind. `Unavailable`: no quorum. `OutcomeUnknown`: perhaps applied. `LayoutConflict`: another
 * layout was applied first.
 */
export type StoreErrorCode = (typeof storeErrorCodes)[number]

export class StoreError extends DomainError<StoreErrorCode> {}

const known: ReadonlySet<string> = new Set(storeErrorCodes)

/** Codes of `table/` and `block/`, and what they mean to a caller of the store. */
const fromBelow: Readonly<Record<string, StoreErrorCode>> = {
  QuorumNotReached: 'Unavailable',
  Stopped: 'Unavailable',
  ClockRefused: 'Unavailable',
  NotOwner: 'Unavailable',
  NotReady: 'Unavailable',
  Recovering: 'Unavailable',
  BehindEpoch: 'Unavailable',
  OldEpoch: 'Unavailable',
  PeerUnreachable: 'Unavailable',
  Closed: 'Unavailable',
  WriteFailed: 'OutcomeUnknown',
  OutcomeUnknown: 'OutcomeUnknown',
  TooBusy: 'SlowDown',
  NoLayout: 'Unavailable',
  ReadOnly: 'Unavailable',
  SlotsExhausted: 'SlowDown',
  TooFewOwners: 'Unavailable',
  DriveFull: 'StorageFull',
  DriveFailed: 'BlockUnavailable',
  BlockMissing: 'BlockUnavailable',
  BlockCorrupt: 'BlockUnavailable',
}

/** The code that a refused change carries, or undefined for any other failure. */
export function refusalCode(error: unknown): string | undefined {
  if (!(error instanceof DomainError) || error.code !== 'Refused') return undefined
  const code = error.details['code']
  return typeof code === 'string' ? code : undefined
}

/** A failure of a layer below in the store's words; one that has none there passes as it is. */
export function toStoreError(error: unknown): unknown {
  if (!(error instanceof DomainError) || error instanceof StoreError) return error
  const failure = error as DomainError
  const refused = refusalCode(failure)
  const code = refused === undefined ? fromBelow[failure.code] : refused
  if (code === undefined || !known.has(code)) return error
  return new StoreError(code as StoreErrorCode, error.message, {
    cause: error,
    details: error.details,
  })
}
