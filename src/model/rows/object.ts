/** What the register of an object's key holds: its current version and its uploads. */

import type { BucketId, ManifestId, UploadId } from '../../base/ids.ts'
import { blake3 } from '../../base/hash.ts'
import { utf8 } from '../../base/bytes.ts'
import type { Plain } from '../../table/schema.ts'
import {
  checksumCode,
  checksumKindOf,
  decodeChecksum,
  encodeChecksum,
  type Checksum,
  type ChecksumKind,
  type StoredChecksum,
} from './checksum.ts'
import { decodeSealing, encodeSealing, type Sealing, type StoredSealing } from './sealing.ts'

/**
 * Headers kept with an object, lower-case names: content-type, cache-control,
 * content-disposition, content-encoding, content-language, expires, x-amz-meta-*,
 * x-amz-website-redirect-location.
 */
export type Metadata = readonly (readonly [name: string, value: string])[]

/** The bytes of a small object, or the manifest that lists the blocks of a larger one. */
export type ObjectBody = Uint8Array | ManifestId

export interface ObjectVersion {
  /** Ballot time of the change that made it: its version id and its time of change. */
  readonly id: number
  readonly size: number
  /** Without quotes. */
  readonly etag: string
  readonly metadata: Metadata
  readonly body: ObjectBody
  readonly checksum: Checksum | undefined
  /** Of an object made from parts. */
  readonly partCount: number | undefined
  /** The upload that made it; a repeated Complete finds it here. */
  readonly upload: UploadId | undefined
  /** Of an object whose bytes are sealed under a key that its client has. */
  readonly sealing?: Sealing | undefined
}

export type UploadState = 'open' | 'completed' | 'aborted'

/** An upload in the directory of its key. Its metadata is a side row while it is open. */
export interface UploadEntry {
  readonly id: UploadId
  readonly state: UploadState
  /** What was asked for at its creation. */
  readonly kind: ChecksumKind | undefined
  /** The answer of Complete, for a repeated one. */
  readonly etag: string | undefined
  readonly checksum: Checksum | undefined
  /** Of its parts, and of its object. */
  readonly sealing?: Sealing | undefined
}

export interface ObjectValue {
  readonly current: ObjectVersion | undefined
  /** By time of creation; ended ones among them as long as they are recognised. */
  readonly uploads: readonly UploadEntry[]
}

export const emptyObject: ObjectValue = { current: undefined, uploads: [] }

export function isInline(body: ObjectBody): body is Uint8Array {
  return typeof body !== 'string'
}

/** The manifest that the current version names. */
export function manifestOf(value: ObjectValue | undefined): ManifestId | undefined {
  const body = value?.current?.body
  return body === undefined || isInline(body) ? undefined : body
}

export function findUpload(value: ObjectValue | undefined, id: string): UploadEntry | undefined {
  return value?.uploads.find((upload) => upload.id === id)
}

export function isUploadOpen(value: ObjectValue | undefined, id: string): boolean {
  return findUpload(value, id)?.state === 'open'
}

/** Microseconds at which an upload was created, from its id. */
export function uploadCreatedMicros(id: string): number {
  return Number.parseInt(id.slice(0, 14), 16)
}

/** Where the keys of a shard of a bucket lie. */
export function objectPartitionKey(bucket: BucketId, shard: number): string {
  return `${bucket}.${shard}`
}

/** The shard of a key: the first byte of its hash, modulo the bucket's count of shards. */
export function shardOf(key: string, shardCount: number): number {
  return shardCount === 1 ? 0 : blake3(utf8(key))[0]! % shardCount
}

/** The bucket that a partition key of objects belongs to. */
export function bucketOfPartitionKey(partitionKey: string): BucketId {
  return partitionKey.slice(0, partitionKey.indexOf('.')) as BucketId
}

type StoredVersion = readonly [
  id: number,
  size: number,
  etag: string,
  metadata: readonly string[],
  body: Uint8Array | string,
  checksum: StoredChecksum,
  partCount: number,
  upload: string,
  sealing?: StoredSealing,
]
type StoredUpload = readonly [
  id: string,
  state: number,
  kind: number,
  etag: string,
  checksum: StoredChecksum,
  sealing?: StoredSealing,
]
type StoredObject = readonly [current: StoredVersion | 0, uploads: readonly StoredUpload[] | 0]

const uploadStates: readonly UploadState[] = ['open', 'completed', 'aborted']

export function encodeObject(value: ObjectValue): Plain {
  const stored: StoredObject = [
    value.current === undefined ? 0 : encodeVersion(value.current),
    value.uploads.length === 0 ? 0 : value.uploads.map(encodeUpload),
  ]
  return stored
}

function encodeVersion(version: ObjectVersion): StoredVersion {
  return [
    version.id,
    version.size,
    version.etag,
    version.metadata.flat(),
    version.body,
    encodeChecksum(version.checksum),
    version.partCount ?? 0,
    version.upload ?? '',
    ...storedSealing(version),
  ]
}

function encodeUpload(upload: UploadEntry): StoredUpload {
  return [
    upload.id,
    uploadStates.indexOf(upload.state),
    checksumCode(upload.kind),
    upload.etag ?? '',
    encodeChecksum(upload.checksum),
    ...storedSealing(upload),
  ]
}

/** Nothing where nothing is sealed: most rows are none the longer. */
function storedSealing({
  sealing,
}: {
  readonly sealing?: Sealing | undefined
}): readonly [StoredSealing] | readonly [] {
  return sealing === undefined ? [] : [encodeSealing(sealing)]
}

/** Format 2 has the sealing of encrypted objects and uploads. */
export const OBJECT_FORMAT = 2

/** @throws {TypeError} when `version` is above 2 */
export function decodeObject(stored: Plain, version: number): ObjectValue {
  if (version < 1 || version > OBJECT_FORMAT) {
    throw new TypeError(`Cannot read an object: its format is ${version}, wanted 1 or 2`)
  }
  const [current, uploads] = stored as StoredObject
  return {
    current: current === 0 ? undefined : decodeVersion(current),
    uploads: uploads === 0 ? [] : uploads.map(decodeUpload),
  }
}

function decodeVersion(stored: StoredVersion): ObjectVersion {
  const pairs = stored[3]
  const metadata: [string, string][] = []
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    metadata.push([pairs[index]!, pairs[index + 1]!])
  }
  return {
    id: stored[0],
    size: stored[1],
    etag: stored[2],
    metadata,
    body: stored[4] as ObjectBody,
    checksum: decodeChecksum(stored[5]),
    partCount: stored[6] === 0 ? undefined : stored[6],
    upload: stored[7] === '' ? undefined : (stored[7] as UploadId),
    ...decodeSealing(stored[8]),
  }
}

function decodeUpload(stored: StoredUpload): UploadEntry {
  const state = uploadStates[stored[1]]
  if (state === undefined) throw new TypeError(`Cannot read an upload: its state is ${stored[1]}`)
  return {
    id: stored[0] as UploadId,
    state,
    kind: checksumKindOf(stored[2]),
    etag: stored[3] === '' ? undefined : stored[3],
    checksum: decodeChecksum(stored[4]),
    ...decodeSealing(stored[5]),
  }
}
