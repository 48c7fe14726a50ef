/** DeleteObject and DeleteObjects: after them a key has no current version. */

import type { BucketId } from '../../base/ids.ts'
import type { Bucket } from '../../model/rows/bucket.ts'
import { deleteObjectCommand } from '../../model/commands/delete-object.ts'
import {
  bucketById,
  changeObject,
  inStoreWords,
  isRefusedByGate,
  objectRef,
  type Store,
} from '../store.ts'
import { toStoreError } from '../errors.ts'

/**
 * Deletes an object; one that is not there is no error.
 *
 * @returns whether there was one
 * @throws {StoreError} `PreconditionFailed`, `ConditionNotFound` with `ifMatch`
 */
export async function deleteObject(
  store: Store,
  input: {
    readonly bucket: BucketId
    readonly key: string
    readonly ifMatch?: string | undefined
    readonly operation?: string | undefined
  },
): Promise<boolean> {
  const bucket = await bucketById(store, input.bucket)
  const ref = objectRef(store, bucket, input.key)
  const { operation } = input
  const options = operation === undefined ? {} : { operation }
  return (await changeObject(store, ref, deleteObjectCommand(input.ifMatch), options)) === true
}

export interface DeletedKey {
  readonly key: string
  /** Why the object may still be there. */
  readonly error: Error | undefined
}

/** Deletes many objects, each for itself; outcomes in the order of `keys`, repeated ones too. */
export async function deleteObjects(
  store: Store,
  input: { readonly bucket: BucketId; readonly keys: readonly string[] },
): Promise<DeletedKey[]> {
  const bucket = await bucketById(store, input.bucket)
  const shards = new Map<string, string[]>()
  for (const key of new Set(input.keys)) {
    const { partitionKey } = objectRef(store, bucket, key)
    const keys = shards.get(partitionKey)
    if (keys === undefined) shards.set(partitionKey, [key])
    else keys.push(key)
  }
  const errors = new Map<string, Error>()
  const command = deleteObjectCommand()
  for (const [partitionKey, keys] of shards) {
    const items = keys.map((key) => ({ key, command }))
    const outcomes = await inStoreWords(
      store.tables.changeMany(store.model.object, partitionKey, items),
    )
    const behindGate: string[] = []
    for (const [index, outcome] of outcomes.entries()) {
      if (!('error' in outcome)) continue
      if (isRefusedByGate(outcome.error)) behindGate.push(keys[index]!)
      else errors.set(keys[index]!, toStoreError(outcome.error) as Error)
    }
    for (const [key, error] of await deleteBehindGate(store, bucket, behindGate)) {
      errors.set(key, error)
    }
  }
  return input.keys.map((key) => ({ key, error: errors.get(key) }))
}

/** One by one: the first opens a gate whose closer is gone, or learns that it stays closed. */
async function deleteBehindGate(
  store: Store,
  bucket: Bucket,
  keys: readonly string[],
): Promise<Map<string, Error>> {
  for (const [index, key] of keys.entries()) {
    try {
      await changeObject(store, objectRef(store, bucket, key), deleteObjectCommand())
    } catch (error) {
      return new Map(keys.slice(index).map((left) => [left, error as Error]))
    }
  }
  return new Map()
}
