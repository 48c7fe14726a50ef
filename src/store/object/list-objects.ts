/** ListObjects: a page of keys and common prefixes, in UTF-8 order, read from the live index. */

import type { BucketId } from '../../base/ids.ts'
import { LIST_KEYS_MAX } from '../../base/limits.ts'
import { LIVE_INDEX } from '../../model/object.table.ts'
import type { ChecksumKind } from '../../model/rows/checksum.ts'
import { parseLiveLine } from '../../model/rows/listing.ts'
import { compareUtf8 } from '../../base/bytes.ts'
import { afterPrefix, commonPrefixOf, IndexWalk, type WalkStart } from './index-walk.ts'
import { bucketById, type Store } from '../store.ts'

export interface ListObjectsInput {
  readonly bucket: BucketId
  readonly prefix?: string | undefined
  readonly delimiter?: string | undefined
  /** Keys after this one. A common prefix: what it stands for is not listed again. */
  readonly after?: string | undefined
  /** Keys from this one on, itself included; from a page's `next`. */
  readonly from?: string | undefined
  /** Of keys and common prefixes together; at most `LIST_KEYS_MAX`. */
  readonly limit: number
}

export interface ListedObject {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly modifiedMicros: number
  readonly checksum: ChecksumKind | undefined
}

export interface ListObjectsResult {
  readonly entries: readonly ListedObject[]
  readonly prefixes: readonly string[]
  readonly truncated: boolean
  /** Where the next page begins, when this one is truncated. */
  readonly next: WalkStart | undefined
  /** The last key or common prefix of this page. */
  readonly last: string | undefined
}

/** @throws {StoreError} `NoSuchBucket` */
export async function listObjects(
  store: Store,
  input: ListObjectsInput,
): Promise<ListObjectsResult> {
  const bucket = await bucketById(store, input.bucket)
  const { prefix = '', delimiter } = input
  const limit = Math.min(input.limit, LIST_KEYS_MAX)
  const entries: ListedObject[] = []
  const prefixes: string[] = []
  if (limit <= 0) return { entries, prefixes, truncated: false, next: undefined, last: undefined }
  const start = walkStart(input, prefix, delimiter)
  const walk = new IndexWalk(store, bucket, { index: LIVE_INDEX, start, pageSize: limit + 1 })
  let last: string | undefined
  let isFolded = false
  for (;;) {
    const peeked = walk.peek()
    const entry = peeked instanceof Promise ? await peeked : peeked
    if (entry === undefined || !entry.key.startsWith(prefix)) {
      return { entries, prefixes, truncated: false, next: undefined, last }
    }
    if (entries.length + prefixes.length === limit) {
      const next = isFolded ? { from: afterPrefix(last!) } : { after: last }
      return { entries, prefixes, truncated: true, next, last }
    }
    const common = commonPrefixOf(entry.key, prefix, delimiter)
    if (common === undefined) {
      const { size, etag, modifiedMicros, checksum } = parseLiveLine(entry.line)
      entries.push({ key: entry.key, size, etag, modifiedMicros, checksum })
      walk.step()
      last = entry.key
      isFolded = false
    } else {
      prefixes.push(common)
      walk.skip(common)
      last = common
      isFolded = true
    }
  }
}

/** Where a walk for `prefix` begins: never before the prefix, never inside a prefix listed before. */
export function walkStart(
  input: { readonly after?: string | undefined; readonly from?: string | undefined },
  prefix: string,
  delimiter: string | undefined,
): WalkStart {
  const { after, from } = input
  if (after !== undefined && compareUtf8(after, prefix) >= 0) {
    const isFolded = after !== '' && commonPrefixOf(after, prefix, delimiter) === after
    const jump = isFolded && after.startsWith(prefix) ? afterPrefix(after) : undefined
    return jump === undefined ? { after } : { from: jump }
  }
  if (from !== undefined && compareUtf8(from, prefix) > 0) return { from }
  return { from: prefix }
}
