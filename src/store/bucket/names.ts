/** Names of buckets: found for a key, added, taken away. */

import { isBucketId, type BucketId } from '../../base/ids.ts'
import { BUCKET_NAMES_MAX } from '../../base/limits.ts'
import { addNameCommand, dropNameCommand } from '../../model/commands/bucket.ts'
import { releaseNameCommand } from '../../model/commands/bucket-name.ts'
import type { Bucket, BucketName } from '../../model/rows/bucket.ts'
import type { AccessKey } from '../access-key.ts'
import { StoreError } from '../errors.ts'
import { bucketAtHand, bucketById, changeCopied, inStoreWords, type Store } from '../store.ts'
import { bucketRef, claimName, findBucketByName, judgeBucketName, nameRef } from './bucket.ts'
import { claimLocalName, localNameHolder, releaseLocalName } from './local-names.ts'

/**
 * The live bucket that a request of `key` means by a name: the key's own names first, then those
 * for all, then the id of a bucket. Source: Garage v2.
 */
export function resolveBucket(
  store: Store,
  name: string,
  key: Pick<AccessKey, 'localNames'>,
): Bucket | undefined | Promise<Bucket | undefined> {
  const local = key.localNames.get(name)
  if (local !== undefined) return bucketAtHand(store, local) ?? localOrOther(store, local, name)
  return isBucketId(name) ? liveBucket(store, name) : findBucketByName(store, name)
}

/** A name whose bucket is gone, or is still being made, names nothing. */
async function localOrOther(
  store: Store,
  local: BucketId,
  name: string,
): Promise<Bucket | undefined> {
  return (await liveBucket(store, local)) ?? findBucketByName(store, name)
}

async function liveBucket(store: Store, id: BucketId): Promise<Bucket | undefined> {
  try {
    const bucket = await bucketById(store, id)
    return bucket.state === 'live' ? bucket : undefined
  } catch (error) {
    if (error instanceof StoreError && error.code === 'NoSuchBucket') return undefined
    throw error
  }
}

/**
 * Gives a bucket another name, for all or for one key. The name is won before the row tells of it.
 *
 * @throws {StoreError} `InvalidBucketName`, `BucketAlreadyExists`, `NoSuchBucket`,
 * `NoSuchAccessKey`
 */
export async function addBucketName(store: Store, id: BucketId, added: BucketName): Promise<void> {
  judgeBucketName(added.name)
  const { names, localNames } = await bucketById(store, id)
  if (names.length + localNames.length >= BUCKET_NAMES_MAX) {
    const message = `Cannot name the bucket "${added.name}": it has ${BUCKET_NAMES_MAX} names`
    throw new StoreError('InvalidBucketName', message)
  }
  await claim(store, id, added)
  try {
    await changeCopied(store, bucketRef(store, id), addNameCommand(added))
  } catch (error) {
    // Of any other failure nobody knows whether the row tells of it already.
    if (error instanceof StoreError && error.code === 'NoSuchBucket') {
      await release(store, id, added)
    }
    throw error
  }
  if ((await holderOf(store, added)) === id) return
  // It was taken away again meanwhile.
  await changeCopied(store, bucketRef(store, id), dropNameCommand(added))
  throw new StoreError('SlowDown', `Cannot name the bucket "${added.name}": somebody removes that`)
}

/**
 * Takes a name from a bucket, which keeps another. The row tells of it no more before it is free.
 *
 * @returns whether the bucket had it
 * @throws {StoreError} `LastBucketName`, `NoSuchBucket`
 */
export async function removeBucketName(
  store: Store,
  id: BucketId,
  removed: BucketName,
): Promise<boolean> {
  if ((await holderOf(store, removed)) !== id) return false
  const { name } = removed
  try {
    await changeCopied(store, bucketRef(store, id), dropNameCommand(removed))
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'LastBucketName') throw error
    const message = `Cannot take the name "${name}" away: the bucket has no other`
    throw new StoreError('LastBucketName', message, { cause: error })
  }
  await release(store, id, removed)
  return true
}

async function claim(store: Store, id: BucketId, { name, key }: BucketName): Promise<void> {
  if (key !== undefined) {
    await claimLocalName(store, { key, name }, id)
  } else if ((await claimName(store, name, id)) !== undefined) {
    const message = `Cannot name the bucket "${name}": another has that name`
    throw new StoreError('BucketAlreadyExists', message)
  }
}

async function release(store: Store, id: BucketId, { name, key }: BucketName): Promise<void> {
  if (key !== undefined) await releaseLocalName(store, { key, name }, id)
  else await changeCopied(store, nameRef(store, name), releaseNameCommand(id))
}

async function holderOf(store: Store, { name, key }: BucketName): Promise<BucketId | undefined> {
  if (key !== undefined) return localNameHolder(store, { key, name })
  return (await inStoreWords(store.tables.get(nameRef(store, name))))?.bucket
}
