/** Names of buckets that one key alone sees: each won by ballot of the key's row. */

import type { BucketId } from '../../base/ids.ts'
import { claimLocalNameCommand, releaseLocalNameCommand } from '../../model/commands/access-key.ts'
import { ACCESS_KEYS, type AccessKeyValue } from '../../model/rows/access-key.ts'
import { BUCKETS, type LocalName } from '../../model/rows/bucket.ts'
import type { RegisterRef } from '../../table/table.ts'
import { StoreError } from '../errors.ts'
import { changeCopied, inStoreWords, type ChangeCopied, type Store } from '../store.ts'

function keyRef(store: Store, { key }: LocalName): RegisterRef<AccessKeyValue> {
  return { table: store.model.accessKey, partitionKey: ACCESS_KEYS, key }
}

/**
 * Claims a name of one key for a bucket; takes it from a bucket that is gone.
 *
 * @throws {StoreError} `BucketAlreadyExists`, `NoSuchAccessKey`
 */
export async function claimLocalName(store: Store, local: LocalName, id: BucketId): Promise<void> {
  const ref = keyRef(store, local)
  const holder = await localNameHolder(store, local)
  if (holder !== undefined && holder !== id && (await isGone(store, holder))) {
    await changeCopied(store, ref, releaseLocalNameCommand(local.name, holder))
  }
  try {
    await changeCopied(store, ref, claimLocalNameCommand(local.name, id))
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'BucketAlreadyExists') throw error
    const message = `Cannot name a bucket "${local.name}" for key ${local.key}: it calls another so`
    throw new StoreError('BucketAlreadyExists', message, { cause: error })
  }
}

export async function releaseLocalName(
  store: Store,
  local: LocalName,
  id: BucketId,
  change?: ChangeCopied,
): Promise<void> {
  const command = releaseLocalNameCommand(local.name, id)
  const ref = keyRef(store, local)
  await (change === undefined ? changeCopied(store, ref, command) : change(ref, command))
}

/** The bucket that has the name, settled. */
export async function localNameHolder(
  store: Store,
  local: LocalName,
): Promise<BucketId | undefined> {
  const value = await inStoreWords(store.tables.get(keyRef(store, local)))
  return value?.localNames.get(local.name)
}

async function isGone(store: Store, id: BucketId): Promise<boolean> {
  const ref = { table: store.model.bucket, partitionKey: BUCKETS, key: id }
  const value = await inStoreWords(store.tables.get(ref))
  return value === undefined || value.state === 'deleted'
}
