/** What the register of a bucket holds, and the line that lists it. */

import type { AccessKeyId, BucketId } from '../../base/ids.ts'
import type { Plain } from '../../table/schema.ts'
import { noSettings, type BucketSettings } from './bucket-settings.ts'
import { permissionBits, permissionOf, type BucketPermission } from './permission.ts'

/** The one partition key of all buckets. */
export const BUCKETS = 'buckets'

/** `pending` until its name is won; `deleted` for ever, since ids are not used again. */
export type BucketState = 'pending' | 'live' | 'deleted'

/** A name that only requests of one access key see. */
export interface LocalName {
  readonly key: AccessKeyId
  readonly name: string
}

/** A name of a bucket: with a key, one that only that key sees. */
export interface BucketName {
  readonly name: string
  readonly key?: AccessKeyId | undefined
}

/** What a name's own row says: a name is a bucket's while this row and the bucket's both say so. */
export interface NameClaim {
  readonly bucket: BucketId
  /** Ballot time of the newest claim; 0 of one from before it was kept. */
  readonly claimedMicros: number
}

/** What the list of buckets says of each. */
interface BucketFacts {
  readonly state: BucketState
  readonly createdMicros: number
  /** Of its keys, for ever. */
  readonly shardCount: number
  /** Names that it has or, while pending, wants. */
  readonly names: readonly string[]
  readonly localNames: readonly LocalName[]
  readonly keys: ReadonlyMap<AccessKeyId, BucketPermission>
}

export interface BucketValue extends BucketFacts {
  readonly settings: BucketSettings
}

/** A bucket as lists show it: without its settings, which may be large. */
export interface BucketSummary extends BucketFacts {
  readonly id: BucketId
}

/** A bucket as the rest of the program knows it. */
export interface Bucket extends BucketValue {
  readonly id: BucketId
}

/** Whether the bucket takes the name for its own. */
export function hasName(
  { names, localNames }: Pick<BucketFacts, 'names' | 'localNames'>,
  { name, key }: BucketName,
): boolean {
  if (key === undefined) return names.includes(name)
  return localNames.some((one) => one.key === key && one.name === name)
}

type StoredFacts = readonly [
  state: number,
  created: number,
  shardCount: number,
  names: readonly string[],
  keys: readonly (readonly [id: string, bits: number])[],
  localNames: readonly (readonly [key: string, name: string])[],
]
/** Format 1 ends before the local names. */
type StoredBucket = readonly [...StoredFacts, settings: BucketSettings]

const states: readonly BucketState[] = ['pending', 'live', 'deleted']

function storedFacts(value: BucketFacts): StoredFacts {
  const keys = [...value.keys].map(([id, permission]) => [id, permissionBits(permission)] as const)
  return [
    states.indexOf(value.state),
    value.createdMicros,
    value.shardCount,
    [...value.names],
    keys,
    value.localNames.map(({ key, name }) => [key, name] as const),
  ]
}

function factsOf([code, createdMicros, shardCount, names, keys, local]: StoredFacts): BucketFacts {
  const state = states[code]
  if (state === undefined) throw new TypeError(`Cannot read a bucket: its state is ${code}`)
  return {
    state,
    createdMicros,
    shardCount,
    names,
    localNames: local.map(([key, name]) => ({ key: key as AccessKeyId, name })),
    keys: new Map(keys.map(([id, bits]) => [id as AccessKeyId, permissionOf(bits)])),
  }
}

export function encodeBucket(value: BucketValue): Plain {
  const stored: StoredBucket = [...storedFacts(value), value.settings]
  return stored
}

/** @throws {TypeError} when `version` is neither 1 nor 2 or the state unknown */
export function decodeBucket(plain: Plain, version: number): BucketValue {
  if (version !== 1 && version !== 2) {
    throw new TypeError(`Cannot read a bucket: its format is ${version}, wanted 1 or 2`)
  }
  const stored = (
    version === 1 ? [...(plain as readonly Plain[]), [], noSettings] : plain
  ) as StoredBucket
  const [state, created, shardCount, names, keys, localNames, settings] = stored
  return { ...factsOf([state, created, shardCount, names, keys, localNames]), settings }
}

/** The line of a bucket that is pending or live, as JSON; deleted ones are not listed. */
export function bucketLine(value: BucketValue): string | undefined {
  return value.state === 'deleted' ? undefined : JSON.stringify(storedFacts(value))
}

/** Lines of format 1 have no local names. */
export function parseBucketLine(id: string, line: string): BucketSummary {
  const [state, created, shardCount, names, keys, local] = JSON.parse(line) as StoredFacts
  const localNames = (local as StoredFacts[5] | undefined) ?? []
  return { id: id as BucketId, ...factsOf([state, created, shardCount, names, keys, localNames]) }
}
