/** ListMultipartUploads: open uploads by key, those of one key by their time. */

import { compareUtf8 } from '../../base/bytes.ts'
import type { BucketId, UploadId } from '../../base/ids.ts'
import { LIST_KEYS_MAX } from '../../base/limits.ts'
import { UPLOADS_INDEX } from '../../model/object.table.ts'
import type { ChecksumKind } from '../../model/rows/checksum.ts'
import { parseUploadsLine } from '../../model/rows/listing.ts'
import { uploadCreatedMicros } from '../../model/rows/object.ts'
import type { IndexEntry } from '../../table/table.ts'
import { commonPrefixOf, IndexWalk, type WalkStart } from '../object/index-walk.ts'
import { walkStart } from '../object/list-objects.ts'
import { bucketById, type Store } from '../store.ts'

export interface ListUploadsInput {
  readonly bucket: BucketId
  readonly prefix?: string | undefined
  readonly delimiter?: string | undefined
  /** Uploads of keys after this one; with `uploadIdMarker` also later ones of this key. */
  readonly keyMarker?: string | undefined
  readonly uploadIdMarker?: string | undefined
  readonly limit: number
}

export interface ListedUpload {
  readonly key: string
  readonly uploadId: UploadId
  readonly createdMicros: number
  readonly checksum: ChecksumKind | undefined
}

export interface ListUploadsResult {
  readonly uploads: readonly ListedUpload[]
  readonly prefixes: readonly string[]
  readonly truncated: boolean
  /** The markers of the next page, when this one is truncated. */
  readonly next: { readonly keyMarker: string; readonly uploadIdMarker: string } | undefined
}

/** @throws {StoreError} `NoSuchBucket` */
export async function listUploads(
  store: Store,
  input: ListUploadsInput,
): Promise<ListUploadsResult> {
  const bucket = await bucketById(store, input.bucket)
  const { prefix = '', delimiter } = input
  const limit = Math.min(input.limit, LIST_KEYS_MAX)
  const page = new UploadPage(limit)
  if (limit <= 0) return page.result(false)
  const walk = new IndexWalk(store, bucket, {
    index: UPLOADS_INDEX,
    start: startOf(input, prefix, delimiter),
    pageSize: limit + 1,
  })
  for (;;) {
    const entry = await walk.peek()
    if (entry === undefined || !entry.key.startsWith(prefix)) return page.result(false)
    if (page.isFull) return page.result(true)
    const common = commonPrefixOf(entry.key, prefix, delimiter)
    if (common !== undefined) {
      page.addPrefix(common)
      walk.skip(common)
      continue
    }
    if (!page.addKey(entry, uploadsAfter(entry, input))) return page.result(true)
    walk.step()
  }
}

function startOf(
  input: ListUploadsInput,
  prefix: string,
  delimiter: string | undefined,
): WalkStart {
  const { keyMarker, uploadIdMarker } = input
  const isWithin = keyMarker !== undefined && compareUtf8(keyMarker, prefix) >= 0
  if (isWithin && uploadIdMarker !== undefined && uploadIdMarker !== '') return { from: keyMarker }
  return walkStart({ after: keyMarker === '' ? undefined : keyMarker }, prefix, delimiter)
}

function uploadsAfter(entry: IndexEntry, input: ListUploadsInput): ListedUpload[] {
  const { keyMarker, uploadIdMarker } = input
  const after = entry.key === keyMarker ? (uploadIdMarker ?? '') : ''
  return parseUploadsLine(entry.line)
    .filter(({ uploadId }) => uploadId > after)
    .map(({ uploadId, checksum }) => ({
      key: entry.key,
      uploadId,
      createdMicros: uploadCreatedMicros(uploadId),
      checksum,
    }))
}

class UploadPage {
  readonly #limit: number
  readonly #uploads: ListedUpload[] = []
  readonly #prefixes: string[] = []
  #next = { keyMarker: '', uploadIdMarker: '' }

  constructor(limit: number) {
    this.#limit = limit
  }

  get isFull(): boolean {
    return this.#uploads.length + this.#prefixes.length >= this.#limit
  }

  addPrefix(prefix: string): void {
    this.#prefixes.push(prefix)
    this.#next = { keyMarker: prefix, uploadIdMarker: '' }
  }

  /** Adds the uploads of a key; false when some of them did not fit. */
  addKey(entry: IndexEntry, uploads: readonly ListedUpload[]): boolean {
    for (const upload of uploads) {
      if (this.isFull) return false
      this.#uploads.push(upload)
      this.#next = { keyMarker: entry.key, uploadIdMarker: upload.uploadId }
    }
    return true
  }

  result(truncated: boolean): ListUploadsResult {
    return {
      uploads: this.#uploads,
      prefixes: this.#prefixes,
      truncated,
      next: truncated ? this.#next : undefined,
    }
  }
}
