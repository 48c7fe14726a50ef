/** One bounded step of what the rules of a bucket's lifecycle ask for. */

import { LIFECYCLE_STEP_KEYS } from '../../base/limits.ts'
import { expireObjectCommand } from '../../model/commands/expire-object.ts'
import { LIVE_INDEX, UPLOADS_INDEX } from '../../model/object.table.ts'
import type { Bucket } from '../../model/rows/bucket.ts'
import type { LifecycleRule } from '../../model/rows/bucket-settings.ts'
import { parseLiveLine, parseUploadsLine } from '../../model/rows/listing.ts'
import { objectPartitionKey, uploadCreatedMicros } from '../../model/rows/object.ts'
import type { IndexEntry } from '../../table/table.ts'
import { StoreError, toStoreError } from '../errors.ts'
import { inStoreWords, isRefusedByGate, type Store } from '../store.ts'
import { abortUpload } from '../upload/multipart.ts'
import { coveredPrefix, objectExpiry, uploadExpiry } from './lifecycle.ts'

export interface ExpiryStep {
  readonly bucket: Bucket
  readonly shard: number
  readonly kind: 'objects' | 'uploads'
  /** The last key of the step before. */
  readonly after: string | undefined
  readonly nowMicros: number
  readonly dayMicros: number
}

export interface Expired {
  /** Objects or uploads that were ended. */
  readonly count: number
  /** Where the next step begins; undefined when the walk is over. */
  readonly after: string | undefined
}

/**
 * Looks at the next keys of a shard that the rules may cover, and ends what has come to its end.
 *
 * What is ended is the very version that the list showed: one that was written since stays, however
 * old this node's view is. Safe to repeat.
 *
 * @throws {StoreError} when something could not be ended: the step is to be made again
 */
export async function expireNext(store: Store, step: ExpiryStep): Promise<Expired> {
  const { bucket, shard, kind, after } = step
  const rules = bucket.settings.lifecycle ?? []
  const prefix = coveredPrefix(rules, kind)
  if (prefix === undefined) return { count: 0, after: undefined }
  const partitionKey = objectPartitionKey(bucket.id, shard)
  const index = kind === 'objects' ? LIVE_INDEX : UPLOADS_INDEX
  const page = await inStoreWords(
    store.tables.page(store.model.object, index, partitionKey, {
      limit: LIFECYCLE_STEP_KEYS,
      ...(after === undefined ? { from: prefix } : { after }),
    }),
  )
  const entries = page.entries.filter(({ key }) => key.startsWith(prefix))
  const count =
    kind === 'objects'
      ? await expireObjects(store, step, { rules, entries })
      : await expireUploads(store, step, { rules, entries })
  const isOver = page.done || entries.length < page.entries.length
  return { count, after: isOver ? undefined : page.entries.at(-1)?.key }
}

interface Found {
  readonly rules: readonly LifecycleRule[]
  readonly entries: readonly IndexEntry[]
}

async function expireObjects(
  store: Store,
  { bucket, shard, nowMicros, dayMicros }: ExpiryStep,
  { rules, entries }: Found,
): Promise<number> {
  const items: {
    readonly key: string
    readonly command: ReturnType<typeof expireObjectCommand>
  }[] = []
  for (const { key, line } of entries) {
    const { size, modifiedMicros } = parseLiveLine(line)
    const expiry = objectExpiry(rules, { key, size, modifiedMicros }, dayMicros)
    // A version's id is the time at which it was made.
    if (expiry !== undefined && expiry.atMicros <= nowMicros) {
      items.push({ key, command: expireObjectCommand(modifiedMicros) })
    }
  }
  if (items.length === 0) return 0
  const partitionKey = objectPartitionKey(bucket.id, shard)
  const outcomes = await inStoreWords(
    store.tables.changeMany(store.model.object, partitionKey, items),
  )
  let count = 0
  for (const outcome of outcomes) {
    if ('answer' in outcome) count += outcome.answer === true ? 1 : 0
    // Of a bucket that is being deleted nothing is left to be ended.
    else if (!isRefusedByGate(outcome.error)) throw toStoreError(outcome.error)
  }
  return count
}

async function expireUploads(
  store: Store,
  { bucket, nowMicros, dayMicros }: ExpiryStep,
  { rules, entries }: Found,
): Promise<number> {
  let count = 0
  for (const { key, line } of entries) {
    for (const { uploadId } of parseUploadsLine(line)) {
      const createdMicros = uploadCreatedMicros(uploadId)
      const atMicros = uploadExpiry(rules, { key, createdMicros }, dayMicros)
      if (atMicros === undefined || atMicros > nowMicros) continue
      if (await abortOpen(store, { bucket: bucket.id, key, uploadId })) count += 1
    }
  }
  return count
}

/** @returns false of one that was completed or aborted meanwhile */
async function abortOpen(
  store: Store,
  upload: Parameters<typeof abortUpload>[1],
): Promise<boolean> {
  try {
    await abortUpload(store, upload)
    return true
  } catch (error) {
    if (error instanceof StoreError && error.code === 'NoSuchUpload') return false
    throw error
  }
}
