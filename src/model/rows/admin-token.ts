/** What the register of an admin token holds: of the token itself a digest. */

import type { Plain } from '../../table/schema.ts'

/** The one partition key of all admin tokens. */
export const ADMIN_TOKENS = 'tokens'

/** What is said of a token besides its secret. */
export interface AdminTokenFacts {
  readonly name: string
  readonly createdMicros: number
  readonly expiresMicros: number | undefined
  /** Names of operations, or `*`. */
  readonly scope: readonly string[]
}

export interface AdminTokenValue extends AdminTokenFacts {
  /** Ids are not used again. */
  readonly deleted: boolean
  /** SHA-256 of the whole token; empty when deleted. The token is 256 random bits. */
  readonly digest: Uint8Array
}

export interface AdminToken extends AdminTokenFacts {
  /** 24 hex digits. */
  readonly id: string
}

type StoredToken = readonly [
  deleted: number,
  name: string,
  digest: Uint8Array,
  created: number,
  expires: number,
  scope: readonly string[],
]

export function encodeAdminToken(value: AdminTokenValue): Plain {
  const { deleted, name, digest, createdMicros, expiresMicros, scope } = value
  const stored: StoredToken = [
    deleted ? 1 : 0,
    name,
    digest,
    createdMicros,
    expiresMicros ?? 0,
    [...scope],
  ]
  return stored
}

/** @throws {TypeError} when `version` is not 1 */
export function decodeAdminToken(plain: Plain, version: number): AdminTokenValue {
  if (version !== 1) {
    throw new TypeError(`Cannot read an admin token: its format is ${version}, wanted 1`)
  }
  const [deleted, name, digest, createdMicros, expires, scope] = plain as StoredToken
  const expiresMicros = expires === 0 ? undefined : expires
  return { deleted: deleted === 1, name, digest, createdMicros, expiresMicros, scope }
}

type Line = readonly [name: string, created: number, expires: number, scope: readonly string[]]

/** The line of a token, as JSON and without its digest; deleted ones are not listed. */
export function adminTokenLine(value: AdminTokenValue): string | undefined {
  if (value.deleted) return undefined
  const { name, createdMicros, expiresMicros = 0, scope } = value
  const line: Line = [name, createdMicros, expiresMicros, scope]
  return JSON.stringify(line)
}

export function parseAdminTokenLine(id: string, text: string): AdminToken {
  const [name, createdMicros, expires, scope] = JSON.parse(text) as Line
  return { id, name, createdMicros, expiresMicros: expires === 0 ? undefined : expires, scope }
}
