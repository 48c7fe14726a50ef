/** Names of buckets: found for a key, added, taken away. */

import { isBucketId, type BucketId } from '../../base/ids.ts'
import { BUCKET_NAMES_MAX } from '../../base/limits.ts'
import { addNameCommand, dropNameCommand } from '../../model/commands/bucket.ts'
import {
  hasName,
  type Bucket,
  type BucketName,
  type BucketSummary,
  type LocalName,
  type NameClaim,
} from '../../model/rows/bucket.ts'
import type { AccessKey } from '../access-key.ts'
import { StoreError } from '../errors.ts'
import { bucketAtHand, bucketById, changeCopied, inStoreWords, type Store } from '../store.ts'
import {
  bucketRef,
  claimName,
  findBucketByName,
  judgeBucketName,
  nameRef,
  releaseName,
} from './bucket.ts'
import { claimLocalName, localClaim, releaseLocalName } from './local-names.ts'

/**
 * The live bucket that a request of `key` means by a name: the key's own names first, then those
 * for all, then the id of a bucket. Source: Garage v2.
 */
export function resolveBucket(
  store: Store,
  name: string,
  key: Pick<AccessKey, 'id' | 'localNames'>,
): Bucket | undefined | Promise<Bucket | undefined> {
  const local = key.localNames.get(name)
  if (local !== undefined) {
    const bucket = bucketAtHand(store, local)
    const named = { name, key: key.id }
    if (bucket !== undefined && hasName(bucket, named)) return bucket
    return localOrOther(store, local, named)
  }
  return isBucketId(name) ? liveBucket(store, name) : findBucketByName(store, name)
}

/** A name whose bucket is gone, is still being made or does not list it, names nothing. */
async function localOrOther(
  store: Store,
  local: BucketId,
  named: LocalName,
): Promise<Bucket | undefined> {
  const bucket = await liveBucket(store, local)
  if (bucket !== undefined && hasName(bucket, named)) return bucket
  return findBucketByName(store, named.name)
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
 * Gives a bucket another name, for all or for one key.
 *
 * The name is claimed, then listed in the bucket's row, then claimed once more: nobody who saw the
 * bucket without it takes the second claim away, and where somebody took the first the name leaves
 * the list again.
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
    if (error instanceof StoreError && error.code === 'NoSuchBucket') {
      await release(store, added, { bucket: id })
    }
    throw error
  }
  await claimListed(store, id, added)
}

/** Claims a name that the bucket lists; one that is not to be had leaves the list. */
async function claimListed(store: Store, id: BucketId, listed: BucketName): Promise<void> {
  try {
    await claim(store, id, listed)
  } catch (error) {
    if (!isLost(error)) throw error
    await changeCopied(store, bucketRef(store, id), dropNameCommand({ ...listed, isLost: true }))
    throw error
  }
}

/** Whether a claim failed because another bucket has the name, or its key is gone. */
function isLost(error: unknown): boolean {
  if (!(error instanceof StoreError)) return false
  return error.code === 'BucketAlreadyExists' || error.code === 'NoSuchAccessKey'
}

/**
 * Takes a name from a bucket, which keeps another. It is gone once the bucket's row lists it no
 * more; its claim goes after that, unless it was made anew meanwhile.
 *
 * @returns whether the bucket had it
 * @throws {StoreError} `LastBucketName`, `NoSuchBucket`
 */
export async function removeBucketName(
  store: Store,
  id: BucketId,
  removed: BucketName,
): Promise<boolean> {
  const held = await claimOf(store, removed)
  const isHeld = held?.bucket === id
  const { name } = removed
  const command = dropNameCommand(isHeld ? removed : { ...removed, isLost: true })
  try {
    if ((await changeCopied(store, bucketRef(store, id), command)) !== true) return false
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'LastBucketName') throw error
    const message = `Cannot take the name "${name}" away: the bucket has no other`
    throw new StoreError('LastBucketName', message, { cause: error })
  }
  if (isHeld) await release(store, removed, held)
  return true
}

/**
 * Claims again, or takes off the list, the names of a live bucket that it lists without having
 * them: somebody was cut off while he added one, or while he deleted a key.
 *
 * @returns whether there were any
 */
export async function mendNames(store: Store, bucket: BucketSummary): Promise<boolean> {
  let hasMended = false
  for (const listed of [...bucket.names.map((name) => ({ name })), ...bucket.localNames]) {
    if ((await claimOf(store, listed))?.bucket === bucket.id) continue
    // Whoever takes a name away takes it off the list first.
    const value = await inStoreWords(store.tables.get(bucketRef(store, bucket.id)))
    if (value?.state !== 'live' || !hasName(value, listed)) continue
    await claimListed(store, bucket.id, listed).catch((error: unknown) => {
      if (!isLost(error)) throw error
    })
    hasMended = true
  }
  return hasMended
}

async function claim(store: Store, id: BucketId, { name, key }: BucketName): Promise<void> {
  if (key !== undefined) {
    await claimLocalName(store, { key, name }, id)
  } else if ((await claimName(store, name, id)) !== undefined) {
    const message = `Cannot name the bucket "${name}": another has that name`
    throw new StoreError('BucketAlreadyExists', message)
  }
}

async function release(
  store: Store,
  { name, key }: BucketName,
  held: { readonly bucket: BucketId; readonly claimedMicros?: number },
): Promise<void> {
  if (key !== undefined) await releaseLocalName(store, { key, name }, held)
  else await releaseName(store, name, held)
}

async function claimOf(store: Store, { name, key }: BucketName): Promise<NameClaim | undefined> {
  if (key !== undefined) return localClaim(store, { key, name })
  const value = await inStoreWords(store.tables.get(nameRef(store, name)))
  return value?.bucket === undefined ? undefined : value
}
