/** Fresh secrets in the shapes that clients expect. */

import { hexOf } from '../base/bytes.ts'
import type { Rng } from '../base/rng.ts'
import { systemRng } from './system/rng.ts'

export interface AccessKeyPair {
  /** `GK` and 24 hex digits, as Garage's. */
  readonly accessKeyId: string
  /** 64 hex digits. */
  readonly secretAccessKey: string
}

export function newAccessKey(rng: Rng = systemRng()): AccessKeyPair {
  return { accessKeyId: `GK${hexOf(rng.bytes(12))}`, secretAccessKey: hexOf(rng.bytes(32)) }
}

/** A bearer token: 43 characters that need no quoting anywhere. */
export function newToken(rng: Rng = systemRng()): string {
  return Buffer.from(rng.bytes(32)).toString('base64url')
}

/** What the nodes of a cluster share: 64 hex digits. */
export function newClusterSecret(rng: Rng = systemRng()): string {
  return hexOf(rng.bytes(32))
}
