/** Access keys: made, imported, found, changed, deleted. */

import { hexOf } from '../base/bytes.ts'
import type { AccessKeyId, BucketId } from '../base/ids.ts'
import { LIST_KEYS_MAX } from '../base/limits.ts'
import { ACCESS_KEY_INDEX } from '../model/access-key.table.ts'
import {
  createKeyCommand,
  deleteKeyCommand,
  updateKeyCommand,
  type AccessKeyUpdate,
} from '../model/commands/access-key.ts'
import {
  ACCESS_KEYS,
  parseAccessKeyLine,
  type AccessKeySummary,
  type AccessKeyValue,
} from '../model/rows/access-key.ts'
import type { RegisterRef } from '../table/table.ts'
import { StoreError } from './errors.ts'
import { takeRights } from './bucket/bucket.ts'
import { changeCopied, changingCopied, inStoreWords, type Store } from './store.ts'

export interface AccessKey extends AccessKeySummary {
  /** Buckets by the names that only this key sees, where the bucket says so too. */
  readonly localNames: ReadonlyMap<string, BucketId>
  readonly secret: string
}

/** Ids and secrets that S3 clients can send: printable ASCII without blanks. */
const importable = /^[\x21-\x7e]{3,128}$/
/** An id stands in `Credential=id/date/…`: no slash, comma or equals sign. */
const importableId = /^[A-Za-z0-9_.:+@-]{3,128}$/

function refOf(store: Store, id: string): RegisterRef<AccessKeyValue> {
  return { table: store.model.accessKey, partitionKey: ACCESS_KEYS, key: id }
}

/** A key that is not deleted, its end not considered. Cached; a miss asks the tables. */
export function findAccessKey(
  store: Store,
  id: string,
): AccessKey | undefined | Promise<AccessKey | undefined> {
  const load = (): Promise<AccessKey | undefined> => loadAccessKey(store, id)
  return store.caches.accessKeys.get(id, load) ?? load()
}

async function loadAccessKey(store: Store, id: string): Promise<AccessKey | undefined> {
  if (!importableId.test(id)) return undefined
  const reading = store.caches.accessKeys.read()
  const value = await inStoreWords(store.tables.get(refOf(store, id)))
  if (value === undefined || value.deleted) return undefined
  const sealer = await inStoreWords(store.sealers.forOpening())
  const key: AccessKey = {
    id: id as AccessKeyId,
    secret: sealer.open(id, value.sealedSecret),
    name: value.name,
    createdMicros: value.createdMicros,
    expiresMicros: value.expiresMicros,
    mayCreateBucket: value.mayCreateBucket,
    localNames: new Map([...value.localNames].map(([alias, { bucket }]) => [alias, bucket])),
  }
  store.caches.accessKeys.keep(id, key, reading)
  return key
}

/** @throws {StoreError} `NoSuchAccessKey` */
export async function accessKeyById(store: Store, id: string): Promise<AccessKey> {
  const key = await findAccessKey(store, id)
  if (key === undefined) throw new StoreError('NoSuchAccessKey', `Cannot find access key "${id}"`)
  return key
}

export interface NewKey {
  readonly name: string
  readonly mayCreateBucket?: boolean | undefined
  readonly expiresMicros?: number | undefined
}

/** Makes a key of Garage's shape: `GK` and 24 hex digits, a secret of 64. */
export function createKey(store: Store, input: NewKey): Promise<AccessKey> {
  const id = 'GK' + hexOf(store.rng.bytes(12))
  return importKey(store, { ...input, id, secret: hexOf(store.rng.bytes(32)) })
}

/**
 * @throws {StoreError} `KeyAlreadyExists` when the id was ever used
 * @throws {TypeError} when id or secret are not of a shape that clients can send
 */
export async function importKey(
  store: Store,
  input: NewKey & { readonly id: string; readonly secret: string },
): Promise<AccessKey> {
  const { id, secret, name, mayCreateBucket = false, expiresMicros } = input
  if (!importableId.test(id)) {
    throw new TypeError(
      `Cannot import access key "${id}": wanted 3 to 128 of A-Z a-z 0-9 _ . : + @ -`,
    )
  }
  if (!importable.test(secret)) {
    throw new TypeError(`Cannot import access key "${id}": wanted a secret of 3 to 128 characters`)
  }
  const sealer = await inStoreWords(store.sealers.forSealing())
  const sealedSecret = sealer.seal(id, secret)
  const command = createKeyCommand({ name, sealedSecret, expiresMicros, mayCreateBucket })
  try {
    await inStoreWords(store.tables.change(refOf(store, id), command))
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'KeyAlreadyExists') throw error
    const message = `Cannot import access key "${id}": it exists, or existed; import it under another id`
    throw new StoreError('KeyAlreadyExists', message, { cause: error })
  }
  return accessKeyById(store, id)
}

/** @throws {StoreError} `NoSuchAccessKey` */
export async function updateKey(
  store: Store,
  input: AccessKeyUpdate & { readonly id: AccessKeyId },
): Promise<AccessKey> {
  const { id, ...update } = input
  await changeCopied(store, refOf(store, id), updateKeyCommand(update))
  return accessKeyById(store, id)
}

/**
 * Deletes a key, then its rights in every bucket.
 *
 * @throws {StoreError} `NoSuchAccessKey`: one that is known to have been deleted has no rights then
 *   either, and no node shows it
 */
export async function deleteKey(store: Store, id: AccessKeyId): Promise<void> {
  await changingCopied(store, async (change) => {
    try {
      await change(refOf(store, id), deleteKeyCommand)
    } catch (error) {
      const isMissing = error instanceof StoreError && error.code === 'NoSuchAccessKey'
      // Perhaps it was deleted by a call that was cut off: whoever sends it again hears no more.
      if (isMissing && (await wasDeleted(store, id))) {
        await takeRights(store, id, change)
        await store.announce([{ table: 'access-key', name: id }])
      }
      throw error
    }
    await takeRights(store, id, change)
  })
}

async function wasDeleted(store: Store, id: AccessKeyId): Promise<boolean> {
  const value = await inStoreWords(store.tables.get(refOf(store, id)))
  return value?.deleted === true
}

/** All keys that are not deleted, by id, without their secrets. */
export async function listKeys(store: Store): Promise<AccessKeySummary[]> {
  const found: AccessKeySummary[] = []
  for (let after: string | undefined; ;) {
    const page = await inStoreWords(
      store.tables.page(store.model.accessKey, ACCESS_KEY_INDEX, ACCESS_KEYS, {
        ...(after === undefined ? {} : { after }),
        limit: LIST_KEYS_MAX,
      }),
    )
    for (const { key, line } of page.entries) found.push(parseAccessKeyLine(key, line))
    after = page.entries.at(-1)?.key
    if (page.done || after === undefined) return found
  }
}
