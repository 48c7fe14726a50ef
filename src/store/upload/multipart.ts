/** Multipart uploads: opened, given up, their parts listed. */

import type { BucketId, UploadId } from '../../base/ids.ts'
import { newUploadId } from '../../base/ids.ts'
import { LIST_KEYS_MAX, PART_NUMBER_MAX } from '../../base/limits.ts'
import { abortUploadCommand } from '../../model/commands/abort-upload.ts'
import { createUploadCommand } from '../../model/commands/create-upload.ts'
import { latestOf, partsOf, partSortKey } from '../../model/part.table.ts'
import type {
  Checksum,
  ChecksumAlgorithm,
  ChecksumKind,
  ChecksumType,
} from '../../model/rows/checksum.ts'
import { findUpload, type Metadata, type UploadEntry } from '../../model/rows/object.ts'
import { defaultChecksumKind, isChecksumKindAllowed } from '../object/checksum.ts'
import { newSeal, sealUnder, type Seal } from '../object/sealing.ts'
import { StoreError } from '../errors.ts'
import {
  bucketById,
  changeObject,
  inStoreWords,
  objectRef,
  readObject,
  type Store,
} from '../store.ts'

export interface UploadInput {
  readonly bucket: BucketId
  readonly key: string
  readonly uploadId: string
}

/** @throws {StoreError} `InvalidChecksum`, `SlowDown`, `NoSuchBucket` */
export async function createUpload(
  store: Store,
  input: {
    readonly bucket: BucketId
    readonly key: string
    readonly metadata: Metadata
    readonly checksumAlgorithm?: ChecksumAlgorithm | undefined
    readonly checksumType?: ChecksumType | undefined
    /** Encrypts its parts and its object (SSE-C). */
    readonly customerKey?: Uint8Array | undefined
    readonly operation?: string | undefined
  },
): Promise<{ readonly uploadId: UploadId; readonly checksum: ChecksumKind | undefined }> {
  const kind = chosenKind(input.checksumAlgorithm, input.checksumType)
  const bucket = await bucketById(store, input.bucket)
  const id = newUploadId(store.tables.now(), store.rng)
  const { customerKey } = input
  const seal = customerKey === undefined ? undefined : newSeal(store.rng, customerKey)
  const answer = await changeObject(
    store,
    objectRef(store, bucket, input.key),
    createUploadCommand({ id, metadata: input.metadata, kind, sealing: seal?.sealing }),
    input.operation === undefined ? {} : { operation: input.operation },
  )
  return { uploadId: answer as UploadId, checksum: kind }
}

function chosenKind(
  algorithm: ChecksumAlgorithm | undefined,
  type: ChecksumType | undefined,
): ChecksumKind | undefined {
  if (algorithm === undefined) {
    if (type === undefined) return undefined
    throw new StoreError(
      'InvalidChecksum',
      `Cannot create an upload: a type "${type}" needs an algorithm`,
    )
  }
  const kind = type === undefined ? defaultChecksumKind(algorithm) : { algorithm, type }
  if (isChecksumKindAllowed(kind)) return kind
  throw new StoreError('InvalidChecksum', `Cannot create an upload: ${algorithm} is never ${type}`)
}

/**
 * Ends an upload without an object. Its parts are freed by the release worker.
 *
 * @throws {StoreError} `NoSuchUpload`
 */
export async function abortUpload(
  store: Store,
  input: UploadInput & {
    /** Names the operation across retries: the second one is no abort of an upload that has ended. */
    readonly operation?: string | undefined
  },
): Promise<void> {
  const { operation } = input
  const bucket = await bucketById(store, input.bucket)
  const ref = objectRef(store, bucket, input.key)
  const options = operation === undefined ? {} : { operation }
  await changeObject(store, ref, abortUploadCommand(input.uploadId as UploadId), options)
}

/** @throws {StoreError} `NoSuchUpload` unless it is open */
export async function openUpload(store: Store, input: UploadInput): Promise<UploadEntry> {
  const bucket = await bucketById(store, input.bucket)
  const value = await readObject(store, objectRef(store, bucket, input.key))
  const upload = findUpload(value, input.uploadId)
  if (upload?.state !== 'open') {
    throw new StoreError('NoSuchUpload', `Cannot find an open upload "${input.uploadId}"`)
  }
  return upload
}

/**
 * What the parts of an upload are encrypted with: undefined where nothing is.
 *
 * @throws {StoreError} `CustomerKeyMissing`, `CustomerKeyNotNeeded`, `UploadKeyWrong`
 */
export function uploadSeal(
  upload: UploadEntry,
  customerKey: Uint8Array | undefined,
): Seal | undefined {
  if (upload.sealing === undefined) {
    if (customerKey === undefined) return undefined
    throw new StoreError(
      'CustomerKeyNotNeeded',
      'The multipart upload initiate did not request encryption. Please resend the request without sending encryption parameters.',
    )
  }
  if (customerKey === undefined) {
    throw new StoreError(
      'CustomerKeyMissing',
      'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.',
    )
  }
  const seal = sealUnder(upload.sealing, customerKey)
  if (seal !== undefined) return seal
  throw new StoreError(
    'UploadKeyWrong',
    'The provided encryption parameters did not match the ones used originally.',
  )
}

export interface ListedPart {
  readonly partNumber: number
  readonly size: number
  readonly etag: string
  readonly modifiedMicros: number
  readonly checksum: Checksum | undefined
}

export interface ListPartsResult {
  readonly parts: readonly ListedPart[]
  readonly truncated: boolean
  /** What the upload was created with. */
  readonly checksum: ChecksumKind | undefined
}

/** Parts with a number above `after`, by number. @throws {StoreError} `NoSuchUpload` */
export async function listParts(
  store: Store,
  input: UploadInput & {
    readonly after?: number | undefined
    readonly limit: number
    /** Need not be given; a wrong one is refused. */
    readonly customerKey?: Uint8Array | undefined
  },
): Promise<ListPartsResult> {
  const upload = await openUpload(store, input)
  if (input.customerKey !== undefined) uploadSeal(upload, input.customerKey)
  const limit = Math.min(input.limit, LIST_KEYS_MAX)
  const parts: ListedPart[] = []
  let after = partSortKey(Math.min(Math.max(input.after ?? 0, 0), PART_NUMBER_MAX))
  while (limit > 0) {
    const rows = await inStoreWords(
      store.tables.range(store.model.part, upload.id, {
        ...{ after, limit: limit + 1 },
        everyLayout: true,
      }),
    )
    for (const { sortKey, row } of rows) {
      const [part] = partsOf(row)
      if (part === undefined) continue
      if (parts.length === limit) return { parts, truncated: true, checksum: upload.kind }
      parts.push({
        partNumber: Number(sortKey),
        size: part.size,
        etag: part.etag,
        modifiedMicros: latestOf(row),
        checksum: part.checksum,
      })
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length <= limit) break
    after = last.sortKey
  }
  return { parts, truncated: false, checksum: upload.kind }
}
