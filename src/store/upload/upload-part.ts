/** UploadPart: a part's blocks, then its row, then the look whether it still counts. */

import { DomainError } from '../../base/errors.ts'
import { PART_NUMBER_MAX, PUT_SIZE_BYTES_MAX } from '../../base/limits.ts'
import {
  latestOf,
  partKey,
  partsOf,
  sentRow,
  withoutManifest,
  type Part,
  type PartRow,
} from '../../model/part.table.ts'
import type { Checksum, ChecksumAlgorithm } from '../../model/rows/checksum.ts'
import { isUploadOpen, type UploadEntry } from '../../model/rows/object.ts'
import { refuseOverQuota } from '../bucket/quota.ts'
import { BlockWriter } from '../object/block-writer.ts'
import type { Body } from '../object/body.ts'
import { StoreError } from '../errors.ts'
import { openUpload, uploadSeal, type UploadInput } from './multipart.ts'
import { receiveBody } from '../object/receive-body.ts'
import { bucketById, inStoreWords, objectRef, readObject, type Store } from '../store.ts'

/** Times that a part's row is written again above one that came from another node. */
const INSERT_ATTEMPTS_MAX = 5

export interface UploadPartInput extends UploadInput {
  readonly partNumber: number
  readonly body: Body
  /** That of the upload, if it is encrypted (SSE-C). */
  readonly customerKey?: Uint8Array | undefined
}

export interface UploadPartResult {
  readonly etag: string
  readonly checksum: Checksum | undefined
  readonly modifiedMicros: number
}

/**
 * Stores a part; of several with one number the last acknowledged counts. One that fails leaves
 * those before it as they were.
 *
 * @throws {StoreError} `NoSuchUpload`, `InvalidPart` (its number), `InvalidChecksum`, a digest's
 */
export async function uploadPart(store: Store, input: UploadPartInput): Promise<UploadPartResult> {
  const { key, partNumber } = input
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > PART_NUMBER_MAX) {
    throw new StoreError('InvalidPart', `Cannot take part ${partNumber}: wanted 1 to 10,000`)
  }
  const upload = await openUpload(store, input)
  const seal = uploadSeal(upload, input.customerKey)
  const bucket = await bucketById(store, input.bucket)
  const ref = objectRef(store, bucket, key)
  await refuseOverQuota(store, bucket, { key, bytes: input.body.length ?? 0 })
  const running = store.operations.begin()
  try {
    const { size, etag, checksum, content } = await receiveBody(store, {
      body: bodyFor(upload, input.body),
      inlineSizeBytesMax: 0,
      sizeBytesMax: PUT_SIZE_BYTES_MAX,
      seal,
      facts: () => ({
        partitionKey: ref.partitionKey,
        key,
        part: { upload: upload.id, number: partNumber },
        owner: running.owner,
      }),
    })
    if (!(content instanceof BlockWriter)) throw new TypeError('A part is never kept inline')
    const kept = upload.kind === undefined ? undefined : checksum
    const part: Part = { manifest: content.manifest, size, etag, checksum: kept }
    const at = await insertPart(store, upload, partNumber, part)
    // Only now: whoever ended the upload or released the manifest before has not seen the row.
    const [value, row] = await Promise.all([
      readObject(store, ref),
      readPart(store, upload, partNumber),
    ])
    if (!isUploadOpen(value, upload.id)) {
      await dropPart(store, upload, partNumber, at)
      throw new StoreError('NoSuchUpload', `Cannot add a part: upload "${upload.id}" has ended`)
    }
    await content.assertInUse(() => takeBack(store, { upload, partNumber, part, row }))
    await overwriteOthers(store, { upload, partNumber, part, row })
    return { etag, checksum, modifiedMicros: at }
  } finally {
    running.end()
  }
}

/** The upload's algorithm is computed whatever the client sends with the part. */
function bodyFor(upload: UploadEntry, body: Body): Body {
  const algorithm: ChecksumAlgorithm | undefined = upload.kind?.algorithm
  if (algorithm === undefined || body.checksumWanted === algorithm) return body
  if (body.checksumWanted !== undefined) {
    throw new StoreError(
      'InvalidChecksum',
      `Cannot take the part: it has a ${body.checksumWanted}, wanted ${algorithm}`,
    )
  }
  return {
    pieces: body.pieces,
    length: body.length,
    expect: () => body.expect(),
    checksumWanted: algorithm,
    sha256Wanted: body.sha256Wanted,
  }
}

/** Writes the part beside those that count. @returns its time */
async function insertPart(
  store: Store,
  upload: UploadEntry,
  partNumber: number,
  part: Part,
): Promise<number> {
  const key = partKey(upload.id, partNumber)
  for (let attempt = 1, at = store.tables.now(); ; attempt += 1) {
    try {
      await store.tables.insert(store.model.part, [{ row: sentRow(at, part), ...key }])
      return at
    } catch (error) {
      const isOutranked = error instanceof DomainError && error.code === 'Outranked'
      if (!isOutranked || attempt === INSERT_ATTEMPTS_MAX)
        return inStoreWords(Promise.reject(error as Error))
    }
    const held = await readPart(store, upload, partNumber)
    at = Math.max(store.tables.now(), (held?.at ?? 0) + 1)
  }
}

async function readPart(
  store: Store,
  upload: UploadEntry,
  partNumber: number,
): Promise<PartRow | undefined> {
  const keys = [partKey(upload.id, partNumber)]
  const [row] = await inStoreWords(store.tables.read(store.model.part, keys, { everyLayout: true }))
  return row
}

interface Inserted {
  readonly upload: UploadEntry
  readonly partNumber: number
  readonly part: Part
  /** As it was read once the part was in it. */
  readonly row: PartRow | undefined
}

/** Those before it count no more: by now it will be acknowledged, whether or not they hear of it. */
async function overwriteOthers(
  store: Store,
  { upload, partNumber, part, row }: Inserted,
): Promise<void> {
  if (row === undefined || partsOf(row).every(({ manifest }) => manifest === part.manifest)) return
  const at = Math.max(store.tables.now(), latestOf(row) + 1)
  const key = partKey(upload.id, partNumber)
  try {
    await store.tables.insert(store.model.part, [{ row: { at, part }, ...key }])
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    store.log.debug({ code: String(error.code) }, 'parts that were overwritten still count')
  }
}

/** Its manifest may be freed: the row names it no more, and those before it as ever. */
async function takeBack(store: Store, inserted: Inserted): Promise<void> {
  const { upload, partNumber, part } = inserted
  const row = inserted.row && withoutManifest(inserted.row, part.manifest)
  if (row !== undefined) await insertOrLater(store, upload, partNumber, row)
}

/** A tombstone just above the row, so that a later upload of the same number stands. */
async function dropPart(
  store: Store,
  upload: UploadEntry,
  partNumber: number,
  at: number,
): Promise<void> {
  await insertOrLater(store, upload, partNumber, { at: at + 1, part: undefined })
}

/** A row that an owner holds in a later state already is as good as written. */
async function insertOrLater(
  store: Store,
  upload: UploadEntry,
  partNumber: number,
  row: PartRow,
): Promise<void> {
  try {
    await store.tables.insert(store.model.part, [{ row, ...partKey(upload.id, partNumber) }])
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'Outranked') throw error
  }
}
