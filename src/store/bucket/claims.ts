/** When a claim of a name stands for nothing. */

import { BUCKETS, hasName, type BucketName, type NameClaim } from '../../model/rows/bucket.ts'
import { inStoreWords, type Store } from '../store.ts'

/** A bucket that has claimed a name comes to list it within this, or its claim may be taken away. */
const LISTED_MS_MAX = 10_000

/**
 * Whether another bucket may have a name that is claimed: its bucket is gone, or does not list it.
 *
 * The age is for those who are about to list it, so that one of many comes through. That nothing
 * goes wrong with a late one rests on claims alone: he claims once more after he has listed it.
 */
export async function isAbandoned(
  store: Store,
  { bucket, claimedMicros }: NameClaim,
  name: BucketName,
): Promise<boolean> {
  const ref = { table: store.model.bucket, partitionKey: BUCKETS, key: bucket }
  const value = await inStoreWords(store.tables.get(ref))
  if (value === undefined || value.state === 'deleted') return true
  if (hasName(value, name)) return false
  return store.tables.now() - claimedMicros > LISTED_MS_MAX * 1000
}
