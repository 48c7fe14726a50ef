/** CompleteMultipartUpload: the parts become the object, in one change that may be repeated. */

import { hexOf } from '../../base/bytes.ts'
import type { UploadId } from '../../base/ids.ts'
import { newManifestId, type ManifestId } from '../../base/ids.ts'
import {
  LIST_KEYS_MAX,
  OBJECT_SIZE_BYTES_MAX,
  PART_SIZE_BYTES_MIN,
  MANIFEST_BLOCKS_MAX,
} from '../../base/limits.ts'
import {
  completeUploadCommand,
  type CompleteUploadAnswer,
} from '../../model/commands/complete-upload.ts'
import {
  HEADER_SORT_KEY,
  segmentSortKey,
  type ManifestRow,
  type PartReference,
} from '../../model/manifest.table.ts'
import type { OperationOwner } from '../../model/operations.ts'
import { partKey, partsOf, type Part, type PartRow } from '../../model/part.table.ts'
import { decodeChecksum, type Checksum, type ChecksumAlgorithm } from '../../model/rows/checksum.ts'
import type { WriteConditions } from '../../model/rows/conditions.ts'
import { findUpload, type ObjectValue, type UploadEntry } from '../../model/rows/object.ts'
import type { MergedRow } from '../../table/table.ts'
import { refuseOverQuota, withinQuota } from '../bucket/quota.ts'
import { assertManifestsInUse } from '../object/block-writer.ts'
import { joinChecksums } from '../object/checksum.ts'
import { StoreError } from '../errors.ts'
import { uploadSeal, type UploadInput } from './multipart.ts'
import {
  bucketById,
  changeObject,
  inStoreWords,
  objectRef,
  readObject,
  type Store,
} from '../store.ts'

export interface NamedPart {
  readonly partNumber: number
  /** Without quotes. */
  readonly etag: string
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined
}

export interface CompleteUploadInput extends UploadInput {
  readonly parts: readonly NamedPart[]
  readonly conditions?: WriteConditions | undefined
  /** Of the whole object, as the client knows it. */
  readonly checksum?:
    | {
        readonly algorithm: ChecksumAlgorithm
        readonly type?: Checksum['type'] | undefined
        readonly value: string
      }
    | undefined
  readonly objectSize?: number | undefined
  /** Needed where the upload has a checksum; a wrong one is refused anyway. */
  readonly customerKey?: Uint8Array | undefined
  readonly operation?: string | undefined
}

export interface CompleteUploadResult {
  readonly etag: string
  readonly checksum: Checksum | undefined
}

/**
 * Makes the object. A repeated call with the same parts gets the same answer.
 *
 * Source for when the key is needed: S3 API reference, CompleteMultipartUpload.
 *
 * @throws {StoreError} `NoSuchUpload`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`,
 *   `EntityTooLarge`, `InvalidChecksum`, `BadDigest`, a condition's, those of `uploadSeal`
 */
export async function completeUpload(
  store: Store,
  input: CompleteUploadInput,
): Promise<CompleteUploadResult> {
  const bucket = await bucketById(store, input.bucket)
  const ref = objectRef(store, bucket, input.key)
  assertOrder(input.parts)
  const etag = await etagOf(store, input.parts)
  const value = await readObject(store, ref)
  const repeated = repeatedAnswer(value, input.uploadId, etag)
  if (repeated !== undefined) return repeated
  const upload = findUpload(value, input.uploadId)
  if (upload?.state === 'completed') {
    throw new StoreError('InvalidPart', 'Cannot complete: the upload was made of other parts')
  }
  if (upload?.state !== 'open') {
    throw new StoreError('NoSuchUpload', `Cannot find an open upload "${input.uploadId}"`)
  }
  if (input.customerKey !== undefined || upload.kind !== undefined) {
    uploadSeal(upload, input.customerKey)
  }
  let parts: readonly Part[]
  try {
    parts = await readParts(store, upload.id, input.parts)
  } catch (error) {
    // Parts go once their upload has ended: perhaps a call like this one has ended it meanwhile.
    const overtaken = repeatedAnswer(await readObject(store, ref), input.uploadId, etag)
    if (overtaken !== undefined) return overtaken
    throw error
  }
  const size = totalSize(parts, input.objectSize, store.partSizeBytesMin ?? PART_SIZE_BYTES_MIN)
  const checksum = await checksumOf(store, upload, parts, input.checksum)
  const addition = { key: input.key, bytes: size }
  await refuseOverQuota(store, bucket, addition)
  const running = store.operations.begin()
  try {
    const manifest = await writeManifest(store, parts, {
      partitionKey: ref.partitionKey,
      key: input.key,
      owner: running.owner,
    })
    const firstTime = store.tables.now()
    await assertManifestsInUse(store, [manifest, ...parts.map((part) => part.manifest)])
    const command = completeUploadCommand({
      partCount: parts.length,
      ...{ id: upload.id, size, etag, manifest, checksum },
      ...input.conditions,
    })
    const { operation } = input
    const options = { firstTime, ...(operation === undefined ? {} : { operation }) }
    const answer = (await withinQuota(store, bucket, addition, () =>
      changeObject(store, ref, command, options),
    )) as CompleteUploadAnswer
    return { etag: answer.etag, checksum: decodeChecksum(answer.checksum) }
  } finally {
    running.end()
  }
}

function assertOrder(parts: readonly NamedPart[]): void {
  if (parts.length === 0) throw new StoreError('InvalidPart', 'Cannot complete: no part is named')
  for (let index = 1; index < parts.length; index += 1) {
    const [before, after] = [parts[index - 1]!.partNumber, parts[index]!.partNumber]
    if (before >= after) {
      throw new StoreError(
        'InvalidPartOrder',
        `Cannot complete: part ${after} stands after part ${before}`,
      )
    }
  }
}

/** MD5 over the MD5s of the parts, and their count. Source: S3 user guide, "Object ETags". */
async function etagOf(store: Store, parts: readonly NamedPart[]): Promise<string> {
  const unreadable = parts.find((part) => !/^[0-9a-f]{32}$/.test(part.etag))
  if (unreadable !== undefined) throw invalidPart(unreadable.partNumber, 'its ETag is no MD5')
  const digest = store.compute.digest(['md5'])
  await digest.update(Buffer.from(parts.map((part) => part.etag).join(''), 'hex'))
  return `${hexOf((await digest.finish()).md5!)}-${parts.length}`
}

function invalidPart(partNumber: number, why: string): StoreError {
  return new StoreError('InvalidPart', `Cannot complete with part ${partNumber}: ${why}`, {
    details: { partNumber },
  })
}

/** The answer that an earlier Complete with these parts got; the upload may be long forgotten. */
function repeatedAnswer(
  value: ObjectValue | undefined,
  uploadId: string,
  etag: string,
): CompleteUploadResult | undefined {
  const upload = findUpload(value, uploadId)
  if (upload?.state === 'completed' && upload.etag === etag) {
    return { etag, checksum: upload.checksum }
  }
  const current = value?.current
  if (upload === undefined && current?.upload === uploadId && current.etag === etag) {
    return { etag, checksum: current.checksum }
  }
  return undefined
}

async function readParts(
  store: Store,
  upload: UploadId,
  named: readonly NamedPart[],
): Promise<Part[]> {
  const parts: Part[] = []
  for (let from = 0; from < named.length; from += LIST_KEYS_MAX) {
    const slice = named.slice(from, from + LIST_KEYS_MAX)
    const keys = slice.map((each) => partKey(upload, each.partNumber))
    const rows = await inStoreWords(
      store.tables.read(store.model.part, keys, { everyLayout: true }),
    )
    for (const [index, each] of slice.entries()) {
      parts.push(matchingPart(each, rows[index]))
    }
  }
  return parts
}

/** The acknowledged one where it is meant: one that came later with its bytes may yet be given up. */
function matchingPart(named: NamedPart, row: PartRow | undefined): Part {
  const all = row === undefined ? [] : partsOf(row)
  const isMeant = ({ etag }: Part): boolean => etag === named.etag
  const part = row?.part !== undefined && isMeant(row.part) ? row.part : all.find(isMeant)
  if (all.length === 0) throw invalidPart(named.partNumber, 'it was not uploaded')
  if (part === undefined) {
    throw invalidPart(named.partNumber, `its ETag is "${all[0]!.etag}", wanted "${named.etag}"`)
  }
  const { checksum } = named
  if (checksum === undefined || part.checksum === undefined) return part
  if (checksum.algorithm !== part.checksum.algorithm || checksum.value !== part.checksum.value) {
    throw invalidPart(named.partNumber, `its ${part.checksum.algorithm} is not the one named`)
  }
  return part
}

function totalSize(
  parts: readonly Part[],
  expected: number | undefined,
  sizeBytesMin: number,
): number {
  const small = parts.findIndex(
    (part, index) => part.size < sizeBytesMin && index < parts.length - 1,
  )
  if (small >= 0) {
    throw new StoreError(
      'EntityTooSmall',
      `Cannot complete: a part has ${parts[small]!.size} bytes, wanted ${sizeBytesMin}`,
      { details: { proposedSize: parts[small]!.size, minSizeAllowed: sizeBytesMin } },
    )
  }
  let size = 0
  for (const part of parts) size += part.size
  if (size > OBJECT_SIZE_BYTES_MAX) {
    throw new StoreError(
      'EntityTooLarge',
      `Cannot complete: the object has ${size} bytes, wanted at most ${OBJECT_SIZE_BYTES_MAX}`,
    )
  }
  if (expected !== undefined && expected !== size) {
    throw new StoreError(
      'InvalidPart',
      `Cannot complete: the object has ${size} bytes, wanted ${expected}`,
    )
  }
  return size
}

async function checksumOf(
  store: Store,
  upload: UploadEntry,
  parts: readonly Part[],
  expected: CompleteUploadInput['checksum'],
): Promise<Checksum | undefined> {
  const { kind } = upload
  const isOther =
    expected !== undefined &&
    (expected.algorithm !== kind?.algorithm || (expected.type ?? kind.type) !== kind.type)
  if (isOther) {
    throw new StoreError(
      'InvalidChecksum',
      `Cannot complete: the request has a ${expected.algorithm}, ` +
        `the upload ${kind === undefined ? 'none' : `a ${kind.algorithm} (${kind.type})`}`,
    )
  }
  if (kind === undefined) return undefined
  const summed = parts.map(({ size, checksum }) => ({ size, value: checksum?.value ?? '' }))
  const checksum = await joinChecksums(store.compute, kind, summed)
  const [bare] = checksum.value.split('-')
  if (expected !== undefined && expected.value !== checksum.value && expected.value !== bare) {
    throw new StoreError(
      'BadDigest',
      `Cannot complete: the ${kind.algorithm} is "${checksum.value}", wanted "${expected.value}"`,
      { details: { digest: kind.algorithm } },
    )
  }
  return checksum
}

/** The manifest of the object: its parts, by their place. Stable and `in use` when it resolves. */
async function writeManifest(
  store: Store,
  parts: readonly Part[],
  facts: {
    readonly partitionKey: string
    readonly key: string
    readonly owner: OperationOwner
  },
): Promise<ManifestId> {
  const manifest = newManifestId(store.rng)
  const references: PartReference[] = parts.map((part, index) => ({
    number: index + 1,
    size: part.size,
    manifest: part.manifest,
    checksum: part.checksum,
  }))
  const rows: MergedRow<ManifestRow>[] = [
    {
      partitionKey: manifest,
      sortKey: HEADER_SORT_KEY,
      row: { kind: 'header', state: 'in use', part: undefined, ...facts },
    },
  ]
  for (let from = 0; from < references.length; from += MANIFEST_BLOCKS_MAX) {
    rows.push({
      partitionKey: manifest,
      sortKey: segmentSortKey(from / MANIFEST_BLOCKS_MAX),
      row: { kind: 'parts', parts: references.slice(from, from + MANIFEST_BLOCKS_MAX) },
    })
  }
  await inStoreWords(store.tables.insert(store.model.manifest, rows))
  return manifest
}
