/** Keys and buckets for programs that start a node themselves. */

import type { AccessKeyId } from '../base/ids.ts'
import { createKey, findAccessKey, importKey, updateKey } from '../store/access-key.ts'
import { allowKey, createBucket, findBucketByName } from '../store/bucket/bucket.ts'
import type { Store } from '../store/store.ts'

export interface KeyWish {
  /** @default 'Unnamed key' */
  readonly name?: string
  /** @default false */
  readonly createBucket?: boolean
}

export async function makeKey(
  store: Store,
  wish: KeyWish,
): Promise<{ readonly accessKeyId: string; readonly secretAccessKey: string }> {
  const { name = 'Unnamed key', createBucket: mayCreateBucket = false } = wish
  const { id, secret } = await createKey(store, { name, mayCreateBucket })
  return { accessKeyId: id, secretAccessKey: secret }
}

export async function ensureKey(
  store: Store,
  key: KeyWish & { readonly accessKeyId: string; readonly secretAccessKey: string },
): Promise<void> {
  const { accessKeyId, secretAccessKey, name = 'Unnamed key' } = key
  const mayCreateBucket = key.createBucket ?? true
  const found = await findAccessKey(store, accessKeyId)
  if (found === undefined) {
    await importKey(store, { id: accessKeyId, secret: secretAccessKey, name, mayCreateBucket })
  } else if (mayCreateBucket && !found.mayCreateBucket) {
    await updateKey(store, { id: found.id, mayCreateBucket })
  }
}

export async function ensureBucket(store: Store, name: string, accessKeyId: string): Promise<void> {
  const owner = accessKeyId as AccessKeyId
  const found = await findBucketByName(store, name)
  if (found === undefined) {
    await createBucket(store, { name, owner })
    return
  }
  const rights = found.keys.get(owner)
  if (rights?.read && rights.write && rights.owner) return
  const permission = { read: true, write: true, owner: true }
  await allowKey(store, { bucket: found.id, key: owner, permission })
}
