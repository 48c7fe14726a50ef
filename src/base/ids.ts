/** The names of things, each a type of its own so that they cannot be mixed up. */

import { hexOf } from './bytes.ts'
import type { Rng } from './rng.ts'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** A node: its ed25519 public key, 64 hex digits. */
export type NodeId = Branded<'NodeId'>
/** A bucket for its whole life, whatever its names: 64 hex digits, drawn at random. */
export type BucketId = Branded<'BucketId'>
/** S3's access key id, `GK` and 24 hex digits when made here. */
export type AccessKeyId = Branded<'AccessKeyId'>
/** 14 hex digits of microseconds, then 32 random ones: sorts by time of creation. */
export type UploadId = Branded<'UploadId'>
/** 32 random bytes as 64 hex digits, drawn before an upload's first block. */
export type ManifestId = Branded<'ManifestId'>

const hex64 = /^[0-9a-f]{64}$/

export function nodeId(text: string): NodeId {
  if (!hex64.test(text))
    throw new TypeError(`Cannot read a node id: "${text}" is not 64 hex digits`)
  return text as NodeId
}

export function isNodeId(value: unknown): value is NodeId {
  return typeof value === 'string' && hex64.test(value)
}

export function isBucketId(text: string): text is BucketId {
  return hex64.test(text)
}

export function newBucketId(rng: Rng): BucketId {
  return hexOf(rng.bytes(32)) as BucketId
}

export function newManifestId(rng: Rng): ManifestId {
  return hexOf(rng.bytes(32)) as ManifestId
}

export function newUploadId(micros: number, rng: Rng): UploadId {
  return (micros.toString(16).padStart(14, '0') + hexOf(rng.bytes(16))) as UploadId
}

export function isUploadId(text: string): text is UploadId {
  return /^[0-9a-f]{46}$/.test(text)
}
