/** Names of buckets that one key alone sees: each won by ballot of the key's row. */

import type { BucketId } from '../../base/ids.ts'
import { claimLocalNameCommand, releaseLocalNameCommand } from '../../model/commands/access-key.ts'
import { ACCESS_KEYS, type AccessKeyValue } from '../../model/rows/access-key.ts'
import type { LocalName, NameClaim } from '../../model/rows/bucket.ts'
import type { RegisterRef } from '../../table/table.ts'
import { StoreError } from '../errors.ts'
import { changeCopied, inStoreWords, type ChangeCopied, type Store } from '../store.ts'
import { isAbandoned } from './claims.ts'

function keyRef(store: Store, { key }: LocalName): RegisterRef<AccessKeyValue> {
  return { table: store.model.accessKey, partitionKey: ACCESS_KEYS, key }
}

/**
 * Claims a name of one key for a bucket; takes it from one that is gone, or does not want it.
 *
 * @throws {StoreError} `BucketAlreadyExists`, `NoSuchAccessKey`
 */
export async function claimLocalName(store: Store, local: LocalName, id: BucketId): Promise<void> {
  const ref = keyRef(store, local)
  const claim = await localClaim(store, local)
  if (claim !== undefined && claim.bucket !== id && (await isAbandoned(store, claim, local))) {
    await changeCopied(store, ref, releaseLocalNameCommand({ name: local.name, ...claim }))
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
  claim: { readonly bucket: BucketId; readonly claimedMicros?: number },
  change?: ChangeCopied,
): Promise<void> {
  const command = releaseLocalNameCommand({ name: local.name, ...claim })
  const ref = keyRef(store, local)
  await (change === undefined ? changeCopied(store, ref, command) : change(ref, command))
}

/** Who has claimed the name, settled. */
export async function localClaim(store: Store, local: LocalName): Promise<NameClaim | undefined> {
  const value = await inStoreWords(store.tables.get(keyRef(store, local)))
  return value?.localNames.get(local.name)
}
