/** Admin tokens: made, told from forged ones, found, changed, deleted. Never copied to other nodes. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { hexOf } from '../base/bytes.ts'
import { LIST_KEYS_MAX } from '../base/limits.ts'
import { ADMIN_TOKEN_INDEX } from '../model/admin-token.table.ts'
import {
  createTokenCommand,
  deleteTokenCommand,
  updateTokenCommand,
  type AdminTokenUpdate,
} from '../model/commands/admin-token.ts'
import {
  ADMIN_TOKENS,
  parseAdminTokenLine,
  type AdminToken,
  type AdminTokenValue,
} from '../model/rows/admin-token.ts'
import type { RegisterRef } from '../table/table.ts'
import { StoreError } from './errors.ts'
import { inStoreWords, type Store } from './store.ts'

const shapeOfId = /^[0-9a-f]{24}$/

function refOf(store: Store, id: string): RegisterRef<AdminTokenValue> {
  return { table: store.model.adminToken, partitionKey: ADMIN_TOKENS, key: id }
}

function digestOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest()
}

export interface NewToken {
  readonly name: string
  readonly expiresMicros?: number | undefined
  readonly scope: readonly string[]
}

/** Makes a token of Garage's shape; nothing shows its secret again. */
export async function createAdminToken(
  store: Store,
  { name, expiresMicros, scope }: NewToken,
): Promise<{ readonly token: AdminToken; readonly secret: string }> {
  const id = hexOf(store.rng.bytes(12))
  const secret = `${id}.${Buffer.from(store.rng.bytes(32)).toString('base64url')}`
  const digest = digestOf(secret)
  const command = createTokenCommand({ name, digest, expiresMicros, scope })
  await inStoreWords(store.tables.change(refOf(store, id), command))
  return { token: await adminTokenById(store, id), secret }
}

/**
 * The token that a caller has shown, its end not considered. Asks the tables each time, so that
 * one that is deleted is refused from then on by every node.
 */
export async function adminTokenOf(store: Store, secret: string): Promise<AdminToken | undefined> {
  const id = secret.slice(0, secret.indexOf('.'))
  const value = await valueOf(store, id)
  if (value === undefined || !timingSafeEqual(digestOf(secret), value.digest)) return undefined
  return tokenOf(id, value)
}

async function valueOf(store: Store, id: string): Promise<AdminTokenValue | undefined> {
  if (!shapeOfId.test(id)) return undefined
  const value = await inStoreWords(store.tables.get(refOf(store, id)))
  return value === undefined || value.deleted ? undefined : value
}

function tokenOf(id: string, value: AdminTokenValue): AdminToken {
  const { name, createdMicros, expiresMicros, scope } = value
  return { id, name, createdMicros, expiresMicros, scope }
}

/** @throws {StoreError} `NoSuchAdminToken` */
export async function adminTokenById(store: Store, id: string): Promise<AdminToken> {
  const value = await valueOf(store, id)
  if (value !== undefined) return tokenOf(id, value)
  throw new StoreError('NoSuchAdminToken', `Cannot find admin token "${id.slice(0, 100)}"`)
}

/** @throws {StoreError} `NoSuchAdminToken` */
export async function updateAdminToken(
  store: Store,
  id: string,
  update: AdminTokenUpdate,
): Promise<AdminToken> {
  await adminTokenById(store, id)
  await inStoreWords(store.tables.change(refOf(store, id), updateTokenCommand(update)))
  return adminTokenById(store, id)
}

/** @throws {StoreError} `NoSuchAdminToken` */
export async function deleteAdminToken(store: Store, id: string): Promise<void> {
  await adminTokenById(store, id)
  await inStoreWords(store.tables.change(refOf(store, id), deleteTokenCommand))
}

/** All tokens that are not deleted, by id. */
export async function listAdminTokens(store: Store): Promise<AdminToken[]> {
  const found: AdminToken[] = []
  for (let after: string | undefined; ;) {
    const page = await inStoreWords(
      store.tables.page(store.model.adminToken, ADMIN_TOKEN_INDEX, ADMIN_TOKENS, {
        ...(after === undefined ? {} : { after }),
        limit: LIST_KEYS_MAX,
      }),
    )
    for (const { key, line } of page.entries) found.push(parseAdminTokenLine(key, line))
    after = page.entries.at(-1)?.key
    if (page.done || after === undefined) return found
  }
}
