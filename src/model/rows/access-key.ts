/** What the register of an access key holds: its secret only sealed. */

import type { AccessKeyId, BucketId } from '../../base/ids.ts'
import type { Plain } from '../../table/schema.ts'
import type { NameClaim } from './bucket.ts'

/** The one partition key of all access keys. */
export const ACCESS_KEYS = 'keys'

export interface AccessKeyValue {
  /** Ids are not used again. */
  readonly deleted: boolean
  readonly name: string
  /** Encrypted by the node's secret; empty when deleted. */
  readonly sealedSecret: Uint8Array
  readonly createdMicros: number
  readonly expiresMicros: number | undefined
  readonly mayCreateBucket: boolean
  /** Names that only requests of this key see, each won by ballot of this row. */
  readonly localNames: ReadonlyMap<string, NameClaim>
}

export interface AccessKeySummary {
  readonly id: AccessKeyId
  readonly name: string
  readonly createdMicros: number
  readonly expiresMicros: number | undefined
  readonly mayCreateBucket: boolean
}

type StoredKey = readonly [
  deleted: number,
  name: string,
  sealed: Uint8Array,
  created: number,
  expires: number,
  mayCreateBucket: number,
  localNames: readonly (readonly [name: string, bucket: string, claimedMicros?: number])[],
]

export function encodeAccessKey(value: AccessKeyValue): Plain {
  const stored: StoredKey = [
    value.deleted ? 1 : 0,
    value.name,
    value.sealedSecret,
    value.createdMicros,
    value.expiresMicros ?? 0,
    value.mayCreateBucket ? 1 : 0,
    [...value.localNames].map(([name, claim]) => [name, claim.bucket, claim.claimedMicros]),
  ]
  return stored
}

/**
 * Format 1 ends before the local names, those of format 2 end before their times.
 *
 * @throws {TypeError} when `version` is not 1 to 3
 */
export function decodeAccessKey(plain: Plain, version: number): AccessKeyValue {
  if (version !== 1 && version !== 2 && version !== 3) {
    throw new TypeError(`Cannot read an access key: its format is ${version}, wanted 1 to 3`)
  }
  const stored = (version === 1 ? [...(plain as readonly Plain[]), []] : plain) as StoredKey
  const [deleted, name, sealedSecret, createdMicros, expires, mayCreateBucket, local] = stored
  return {
    deleted: deleted === 1,
    name,
    sealedSecret,
    createdMicros,
    expiresMicros: expires === 0 ? undefined : expires,
    mayCreateBucket: mayCreateBucket === 1,
    localNames: new Map(
      local.map(([alias, bucket, claimedMicros = 0]) => [
        alias,
        { bucket: bucket as BucketId, claimedMicros },
      ]),
    ),
  }
}

type Line = readonly [name: string, created: number, expires: number, mayCreateBucket: number]

/** The line of a key, as JSON and without its secret; deleted ones are not listed. */
export function accessKeyLine(value: AccessKeyValue): string | undefined {
  if (value.deleted) return undefined
  const line: Line = [
    value.name,
    value.createdMicros,
    value.expiresMicros ?? 0,
    value.mayCreateBucket ? 1 : 0,
  ]
  return JSON.stringify(line)
}

export function parseAccessKeyLine(id: string, text: string): AccessKeySummary {
  const [name, createdMicros, expires, mayCreateBucket] = JSON.parse(text) as Line
  return {
    id: id as AccessKeyId,
    name,
    createdMicros,
    expiresMicros: expires === 0 ? undefined : expires,
    mayCreateBucket: mayCreateBucket === 1,
  }
}
