/** Buckets: made under a name won by ballot, found, listed, shared, deleted behind their gates. */

import { newBucketId, type AccessKeyId, type BucketId } from '../../base/ids.ts'
import { LIST_KEYS_MAX } from '../../base/limits.ts'
import { Semaphore } from '../../base/semaphore.ts'
import { BUCKET_INDEX } from '../../model/bucket.table.ts'
import { NAMES } from '../../model/bucket-name.table.ts'
import { bucketNameFault } from '../../model/bucket-name.ts'
import {
  changeSettingsCommand,
  createBucketCommand,
  forgetKeyCommand,
  permitKeyCommand,
  publishBucketCommand,
  removeBucketCommand,
  type NamedByKey,
} from '../../model/commands/bucket.ts'
import {
  claimNameCommand,
  releaseNameCommand,
  type BucketNameValue,
} from '../../model/commands/bucket-name.ts'
import { addCounts, noCounts, type Counts } from '../../model/counter.table.ts'
import {
  BUCKETS,
  parseBucketLine,
  type Bucket,
  type BucketSummary,
  type BucketValue,
} from '../../model/rows/bucket.ts'
import type { SettingsChange } from '../../model/rows/bucket-settings.ts'
import { objectPartitionKey } from '../../model/rows/object.ts'
import { permissionBits, type BucketPermission } from '../../model/rows/permission.ts'
import type { RegisterRef } from '../../table/table.ts'
import { StoreError } from '../errors.ts'
import {
  bucketAtHand,
  bucketById,
  changeCopied,
  inStoreWords,
  type ChangeCopied,
  type Store,
} from '../store.ts'
import { isAbandoned } from './claims.ts'
import { finishDecidedDelete } from './delete-bucket.ts'
import { claimLocalName, localClaim, releaseLocalName } from './local-names.ts'

/** Times that a name is tried again after the bucket that had it went away. */
const CLAIM_ATTEMPTS_MAX = 5
/** Buckets that a key's rights are taken out of at the same time. */
const CHANGES_AT_ONCE_MAX = 16

export function nameRef(store: Store, name: string): RegisterRef<BucketNameValue> {
  return { table: store.model.bucketName, partitionKey: NAMES, key: name }
}

export function bucketRef(store: Store, id: BucketId): RegisterRef<BucketValue> {
  return { table: store.model.bucket, partitionKey: BUCKETS, key: id }
}

/** The live bucket that has a name, and lists it. Cached; a miss asks the tables. */
export function findBucketByName(
  store: Store,
  name: string,
): Bucket | undefined | Promise<Bucket | undefined> {
  const load = (): Promise<Bucket | undefined> => loadByName(store, name)
  const id = store.caches.bucketNames.get(name, load)
  const bucket = id === undefined ? undefined : bucketAtHand(store, id)
  return bucket?.names.includes(name) === true ? bucket : load()
}

async function loadByName(store: Store, name: string): Promise<Bucket | undefined> {
  const reading = store.caches.bucketNames.read()
  const claim = await inStoreWords(store.tables.get(nameRef(store, name)))
  if (claim?.bucket === undefined) return undefined
  const bucket = await publishedBucket(store, claim.bucket)
  if (bucket?.names.includes(name) !== true) return undefined
  store.caches.bucketNames.keep(name, bucket.id, reading)
  return bucket
}

/** A bucket that has its name is live; one whose maker was cut off before it said so is helped. */
async function publishedBucket(store: Store, id: BucketId): Promise<Bucket | undefined> {
  try {
    const bucket = await bucketById(store, id)
    if (bucket.state === 'live') return bucket
    await inStoreWords(store.tables.change(bucketRef(store, id), publishBucketCommand))
    return await bucketById(store, id)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'NoSuchBucket') return undefined
    throw error
  }
}

export interface CreateBucketInput {
  /** That all see. */
  readonly name?: string | undefined
  readonly local?: NamedByKey | undefined
  /** Gets every permission. */
  readonly owner?: AccessKeyId | undefined
}

/** @throws {StoreError} `InvalidBucketName` */
export function judgeBucketName(name: string | undefined): void {
  const fault = name === undefined ? undefined : bucketNameFault(name)
  if (fault === undefined) return
  throw new StoreError('InvalidBucketName', `Cannot name a bucket "${name}": ${fault}`)
}

/**
 * Makes a bucket, or finds that its maker has it already. The name of one key is won first: a
 * bucket that is found under its other name then has both.
 *
 * @throws {StoreError} `InvalidBucketName`, `BucketAlreadyExists`, `NoSuchAccessKey`
 */
export async function createBucket(
  store: Store,
  input: CreateBucketInput,
): Promise<{ readonly id: BucketId; readonly created: boolean }> {
  const { name, local, owner } = input
  for (const one of [name, local?.name]) judgeBucketName(one)
  const existing = name === undefined ? undefined : await findBucketByName(store, name)
  const isGone = existing !== undefined && (await finishDecidedDelete(store, existing))
  if (existing !== undefined && !isGone)
    return { id: ownBucket(existing, input).id, created: false }
  const id = newBucketId(store.rng)
  const shardCount = store.shardCount ?? 1
  const ref = bucketRef(store, id)
  const create = createBucketCommand({ name, local, owner, shardCount })
  await inStoreWords(store.tables.change(ref, create))
  const winner = await claimNames(store, input, id)
  if (winner !== undefined) return { id: ownBucket(winner, input).id, created: false }
  try {
    await inStoreWords(store.tables.change(ref, publishBucketCommand))
  } catch (error) {
    // Somebody took it for one that was left: then the names must not stay with it. After any other failure
    // it may be live, with objects in it by now.
    if (error instanceof StoreError && error.code === 'NoSuchBucket') {
      if (name !== undefined) await releaseName(store, name, { bucket: id })
      if (local !== undefined) await releaseLocalName(store, local, { bucket: id })
    }
    throw error
  }
  return { id, created: true }
}

/**
 * Claims the names of a pending bucket; where one is not to be had the bucket goes.
 *
 * @returns the bucket that has the name for all instead
 */
async function claimNames(
  store: Store,
  { name, local }: CreateBucketInput,
  id: BucketId,
): Promise<Bucket | undefined> {
  const remove = async (): Promise<void> => {
    const command = removeBucketCommand({ pendingOnly: true })
    await inStoreWords(store.tables.change(bucketRef(store, id), command))
  }
  if (local !== undefined) {
    try {
      await claimLocalName(store, local, id)
    } catch (error) {
      await remove()
      throw error
    }
  }
  const winner = name === undefined ? undefined : await claimName(store, name, id)
  if (winner === undefined) return undefined
  await remove()
  if (local !== undefined) await releaseLocalName(store, local, { bucket: id })
  return winner
}

/** @throws {StoreError} `BucketAlreadyExists` unless it is the caller's own */
function ownBucket(bucket: Bucket, { name, owner }: CreateBucketInput): Bucket {
  if (owner !== undefined && bucket.keys.get(owner)?.owner === true) return bucket
  throw new StoreError('BucketAlreadyExists', `Cannot create bucket "${name}": it exists already`)
}

/** Claims a name for `id`. @returns the bucket that has it instead */
export async function claimName(
  store: Store,
  name: string,
  id: BucketId,
): Promise<Bucket | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await inStoreWords(store.tables.change(nameRef(store, name), claimNameCommand(id)))
      return undefined
    } catch (error) {
      const isTaken = error instanceof StoreError && error.code === 'BucketAlreadyExists'
      if (!isTaken || attempt === CLAIM_ATTEMPTS_MAX) throw error
    }
    const claim = await inStoreWords(store.tables.get(nameRef(store, name)))
    if (claim?.bucket === undefined) continue
    // Its bucket is gone, or wants it no more, and it was left behind.
    if (await isAbandoned(store, claim, { name })) {
      await releaseName(store, name, claim)
      continue
    }
    const winner = await publishedBucket(store, claim.bucket)
    if (winner?.names.includes(name) === true) return winner
    if (winner === undefined) continue
    const message = `Cannot name a bucket "${name}": another is being named so`
    throw new StoreError('BucketAlreadyExists', message)
  }
}

/** @param claim with its time where the bucket stays, so that a newer claim is left alone */
export async function releaseName(
  store: Store,
  name: string,
  claim: Parameters<typeof releaseNameCommand>[0],
): Promise<void> {
  await changeCopied(store, nameRef(store, name), releaseNameCommand(claim))
}

/** All live buckets, by id. */
export async function listBuckets(store: Store): Promise<BucketSummary[]> {
  const buckets = await allBuckets(store)
  return buckets.filter((bucket) => bucket.state === 'live')
}

/** All buckets that are not deleted, by id; those too whose making was cut off. */
export async function allBuckets(store: Store): Promise<BucketSummary[]> {
  const found: BucketSummary[] = []
  for (let after: BucketId | undefined; ;) {
    const page = await bucketPage(store, { after, limit: LIST_KEYS_MAX })
    found.push(...page.buckets)
    after = page.next
    if (after === undefined) return found
  }
}

export interface BucketPage {
  readonly buckets: readonly BucketSummary[]
  /** Where the next page begins after; undefined of the last. */
  readonly next: BucketId | undefined
}

/** Some of `allBuckets`. */
export async function bucketPage(
  store: Store,
  { after, limit }: { readonly after: BucketId | undefined; readonly limit: number },
): Promise<BucketPage> {
  const page = await inStoreWords(
    store.tables.page(store.model.bucket, BUCKET_INDEX, BUCKETS, {
      ...(after === undefined ? {} : { after }),
      limit,
    }),
  )
  const buckets = page.entries.map(({ key, line }) => parseBucketLine(key, line))
  return { buckets, next: page.done ? undefined : buckets.at(-1)?.id }
}

export interface PermitInput {
  readonly bucket: BucketId
  readonly key: AccessKeyId
  /** The flags that are true are set, or cleared. */
  readonly permission: BucketPermission
}

/** @throws {StoreError} `NoSuchBucket` */
export async function allowKey(store: Store, input: PermitInput): Promise<Bucket> {
  return permit(store, input, { allow: permissionBits(input.permission), deny: 0 })
}

/** @throws {StoreError} `NoSuchBucket` */
export async function denyKey(store: Store, input: PermitInput): Promise<Bucket> {
  return permit(store, input, { allow: 0, deny: permissionBits(input.permission) })
}

async function permit(
  store: Store,
  { bucket, key }: PermitInput,
  bits: { readonly allow: number; readonly deny: number },
): Promise<Bucket> {
  const command = permitKeyCommand({ key, ...bits })
  await changeCopied(store, bucketRef(store, bucket), command)
  return bucketById(store, bucket)
}

/**
 * Replaces or takes away settings of a bucket.
 *
 * @throws {StoreError} `NoSuchBucket`
 */
export async function changeBucketSettings(
  store: Store,
  id: BucketId,
  change: SettingsChange,
): Promise<Bucket> {
  await changeCopied(store, bucketRef(store, id), changeSettingsCommand(change))
  return bucketById(store, id)
}

/** Takes a key's permissions and names out of every bucket, as part of a change of the key. */
export async function takeRights(
  store: Store,
  key: AccessKeyId,
  change: ChangeCopied,
): Promise<void> {
  const command = forgetKeyCommand(key)
  const places = new Semaphore(CHANGES_AT_ONCE_MAX)
  const buckets = (await listBuckets(store)).filter(
    ({ keys, localNames }) => keys.has(key) || localNames.some((local) => local.key === key),
  )
  const changes = buckets.map(({ id }) => places.run(() => change(bucketRef(store, id), command)))
  // Each of them, though one fails: what is changed by then is told of.
  for (const outcome of await Promise.allSettled(changes)) {
    if (outcome.status === 'rejected') throw outcome.reason
  }
}

/** What a bucket holds, as one owner's rows say. @throws {StoreError} `NoSuchBucket` */
export async function bucketUsage(store: Store, id: BucketId): Promise<Counts> {
  const bucket = await bucketById(store, id)
  let sum: Counts = noCounts
  for (let shard = 0; shard < bucket.shardCount; shard += 1) {
    const counts = store.counts(objectPartitionKey(bucket.id, shard))
    sum = addCounts(sum, await inStoreWords(counts))
  }
  return sum
}

/** Ends the making of a bucket whose maker is gone: live when it won its names, else removed. */
export async function finishPending(store: Store, bucket: BucketSummary): Promise<void> {
  const command = (await hasWonNames(store, bucket))
    ? publishBucketCommand
    : removeBucketCommand({ pendingOnly: true })
  await inStoreWords(store.tables.change(bucketRef(store, bucket.id), command))
}

/** Of a name for all and one of a key it wins the latter first. Without a name nobody can know it. */
async function hasWonNames(
  store: Store,
  { id, names, localNames }: BucketSummary,
): Promise<boolean> {
  const [name] = names
  if (name !== undefined) {
    const claim = await inStoreWords(store.tables.get(nameRef(store, name)))
    return claim?.bucket === id
  }
  const [local] = localNames
  return local !== undefined && (await localClaim(store, local))?.bucket === id
}
