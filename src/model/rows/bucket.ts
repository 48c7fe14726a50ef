/** What the register of a bucket holds, and the line that lists it. */

import type { AccessKeyId, BucketId } from '../../base/ids.ts'
import type { Plain } from '../../table/schema.ts'
import { permissionBits, permissionOf, type BucketPermission } from './permission.ts'

/** The one partition key of all buckets. */
export const BUCKETS = 'buckets'

/** `pending` until its name is won; `deleted` for ever, since ids are not used again. */
export type BucketState = 'pending' | 'live' | 'deleted'

export interface BucketValue {
  readonly state: BucketState
  readonly createdMicros: number
  /** Of its keys, for ever. */
  readonly shardCount: number
  /** Names that it has or, while pending, wants. */
  readonly names: readonly string[]
  readonly keys: ReadonlyMap<AccessKeyId, BucketPermission>
}

/** A bucket as the rest of the program knows it. */
export interface Bucket extends BucketValue {
  readonly id: BucketId
}

type StoredBucket = readonly [
  state: number,
  created: number,
  shardCount: number,
  names: readonly string[],
  keys: readonly (readonly [id: string, bits: number])[],
]

const states: readonly BucketState[] = ['pending', 'live', 'deleted']

function stored(value: BucketValue): StoredBucket {
  const keys = [...value.keys].map(([id, permission]) => [id, permissionBits(permission)] as const)
  return [
    states.indexOf(value.state),
    value.createdMicros,
    value.shardCount,
    [...value.names],
    keys,
  ]
}

function fromStored([code, createdMicros, shardCount, names, keys]: StoredBucket): BucketValue {
  const state = states[code]
  if (state === undefined) throw new TypeError(`Cannot read a bucket: its state is ${code}`)
  return {
    state,
    createdMicros,
    shardCount,
    names,
    keys: new Map(keys.map(([id, bits]) => [id as AccessKeyId, permissionOf(bits)])),
  }
}

export function encodeBucket(value: BucketValue): Plain {
  return stored(value)
}

/** @throws {TypeError} when `version` is not 1 or the state unknown */
export function decodeBucket(plain: Plain, version: number): BucketValue {
  if (version !== 1) throw new TypeError(`Cannot read a bucket: its format is ${version}, wanted 1`)
  return fromStored(plain as StoredBucket)
}

/** The line of a bucket that is pending or live, as JSON; deleted ones are not listed. */
export function bucketLine(value: BucketValue): string | undefined {
  return value.state === 'deleted' ? undefined : JSON.stringify(stored(value))
}

export function parseBucketLine(id: string, line: string): Bucket {
  return { id: id as BucketId, ...fromStored(JSON.parse(line) as StoredBucket) }
}
