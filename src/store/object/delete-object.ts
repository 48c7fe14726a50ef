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
  triedOperation,
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
    /** When the request for it came, where it is one of many. */
    readonly firstTime?: number | undefined
  },
): Promise<boolean> {
  // Before anything is waited for: whoever was cut off by then sends it again.
  const firstTime = input.firstTime ?? store.tables.now()
  const bucket = await bucketById(store, input.bucket)
  const ref = objectRef(store, bucket, input.key)
  const { operation } = input
  const options = { firstTime, ...(operation === undefined ? {} : { operation }) }
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
  input: {
    readonly bucket: BucketId
    readonly keys: readonly string[]
    /** Names the operation across retries, which give the same keys in the same order. */
    readonly operation?: string | undefined
    /** When the request came, where it has other keys too. */
    readonly firstTime?: number | undefined
  },
): Promise<DeletedKey[]> {
  // As of one: whoever was cut off sends it again, and may write the keys anew.
  const firstTime = input.firstTime ?? store.tables.now()
  const { operation: name } = input
  const options = { firstTime, ...(name === undefined ? {} : { operation: name }) }
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
      store.tables.changeMany(store.model.object, partitionKey, items, options),
    )
    const behindGate: BehindGate[] = []
    for (const [index, outcome] of outcomes.entries()) {
      if (!('error' in outcome)) continue
      const { error } = outcome
      const key = keys[index]!
      if (isRefusedByGate(error)) behindGate.push({ key, error, operation: triedOperation(error) })
      else errors.set(key, toStoreError(error) as Error)
    }
    for (const [key, error] of await deleteBehindGate(store, bucket, { behindGate, firstTime })) {
      errors.set(key, error)
    }
  }
  return input.keys.map((key) => ({ key, error: errors.get(key) }))
}

/** A key whose delete a gate refused. */
interface BehindGate {
  readonly key: string
  readonly error: unknown
  /** Of the attempt that was made, where it may yet happen. */
  readonly operation: string | undefined
}

/** One by one: the first opens a gate whose closer is gone, or learns that it stays closed. */
async function deleteBehindGate(
  store: Store,
  bucket: Bucket,
  {
    behindGate: refused,
    firstTime,
  }: { readonly behindGate: readonly BehindGate[]; readonly firstTime: number },
): Promise<Map<string, Error>> {
  for (const [index, { key, operation }] of refused.entries()) {
    const options = { firstTime, ...(operation === undefined ? {} : { operation }) }
    try {
      await changeObject(store, objectRef(store, bucket, key), deleteObjectCommand(), options)
    } catch (error) {
      const [, ...left] = refused.slice(index)
      // What may yet happen is not told what became of another key.
      const errorOf = (each: BehindGate): Error =>
        (each.operation === undefined ? error : toStoreError(each.error)) as Error
      return new Map([
        [key, error as Error],
        ...left.map((each): [string, Error] => [each.key, errorOf(each)]),
      ])
    }
  }
  return new Map()
}
