/** What an object store can refuse, and how failures below become that. */

import { DomainError } from '../base/errors.ts'

export const storeErrorCodes = [
  'NoSuchBucket',
  'NoSuchKey',
  'NoSuchUpload',
  'NoSuchAccessKey',
  'NoSuchAdminToken',
  'BucketAlreadyExists',
  'BucketAlreadyOwnedByYou',
  'BucketNotEmpty',
  'InvalidBucketName',
  'LastBucketName',
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
  'QuotaExceeded',
  'CustomerKeyMissing',
  'CustomerKeyNotNeeded',
  'CustomerKeyWrong',
  'UploadKeyWrong',
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
 * kind. `CustomerKeyMissing`, `CustomerKeyNotNeeded`, `CustomerKeyWrong`, `UploadKeyWrong`: that of
 * an encrypted object or upload. `Unavailable`: no quorum. `OutcomeUnknown`: perhaps applied. `LayoutConflict`: another
 * layout was applied first. `LastBucketName`: a bucket keeps one name.
 */
export type StoreErrorCode = (typeof storeErrorCodes)[number]

export class StoreError extends DomainError<StoreErrorCode> {}

const known: ReadonlySet<string> = new Set(storeErrorCodes)

/**
 * Codes of the layers below, and what they mean to a caller of the store. Those that stay what they
 * are say why.
 */
export const fromBelow: Readonly<Record<string, StoreErrorCode | { readonly staysSince: string }>> =
  {
    // table/
    Refused: { staysSince: 'its details have the code of the command, or of the veto' },
    QuorumNotReached: 'Unavailable',
    OutcomeUnknown: 'OutcomeUnknown',
    TooBusy: 'SlowDown',
    Outranked: 'Unavailable',
    OldEpoch: 'Unavailable',
    BehindEpoch: 'Unavailable',
    NotOwner: 'Unavailable',
    NotReady: 'Unavailable',
    Recovering: 'Unavailable',
    Unfenced: 'Unavailable',
    ClockRefused: 'Unavailable',
    BadMessage: { staysSince: 'the two nodes speak differently: a fault of ours' },
    Stopped: 'Unavailable',
    // block/
    BlockMissing: 'BlockUnavailable',
    BlockCorrupt: 'BlockUnavailable',
    DriveFull: 'StorageFull',
    DriveFailed: 'BlockUnavailable',
    DriveRefused: { staysSince: 'it ends the start of a node' },
    TooFewOwners: 'Unavailable',
    SlotsExhausted: 'SlowDown',
    // net/
    PeerUnreachable: 'Unavailable',
    CallTimeout: 'Unavailable',
    PeerBusy: 'Unavailable',
    TooLarge: 'Unavailable',
    UnknownEndpoint: 'Unavailable',
    BadParcel: { staysSince: 'the two nodes speak differently: a fault of ours' },
    BadFrame: { staysSince: 'the two nodes speak differently: a fault of ours' },
    BadAddress: { staysSince: 'it is the answer to whoever gave the address' },
    HandlerFailed: { staysSince: 'the other node met a fault of ours' },
    // cluster/
    NoLayout: 'Unavailable',
    CannotAssign: { staysSince: 'the verbs of layouts tell it with its sentence' },
    InvalidRole: { staysSince: 'the verbs of layouts tell it with its sentence' },
    WrongVersion: { staysSince: 'the verbs of layouts tell it with its sentence' },
    UnknownLayout: { staysSince: 'the verbs of layouts tell it with its sentence' },
    NothingStaged: { staysSince: 'the verbs of layouts tell it with its sentence' },
    NotFenced: { staysSince: 'the verbs of layouts tell it with its sentence' },
    UnknownNode: { staysSince: 'the verbs of layouts tell it with its sentence' },
    OtherCluster: { staysSince: 'no request of a client joins clusters' },
    FirstLayoutWaits: 'Unavailable',
    FirstLayoutLost: 'Unavailable',
    BadHistory: { staysSince: 'the two nodes speak differently: a fault of ours' },
    // db/
    ReadOnly: 'Unavailable',
    WriteFailed: 'OutcomeUnknown',
    Closed: 'Unavailable',
    Unreadable: 'Unavailable',
    Locked: { staysSince: 'it ends the start of a node' },
    NotUsable: { staysSince: 'it ends the start of a node' },
    CannotOpen: { staysSince: 'it ends the start of a node' },
    NewerFormat: { staysSince: 'it ends the start of a node' },
    // of vetoes and commands, where they are no codes of the store
    missing: 'Unavailable',
    BucketClosing: 'SlowDown',
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
  const name = refusalCode(failure) ?? failure.code
  const code = known.has(name) ? name : fromBelow[name]
  if (typeof code !== 'string') return error
  return new StoreError(code as StoreErrorCode, error.message, {
    cause: error,
    details: error.details,
  })
}
