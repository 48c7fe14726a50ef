/** What the register of a bucket's name holds, as it is stored. */

import type { BucketId } from '../../base/ids.ts'
import type { Plain } from '../../table/schema.ts'
import type { BucketNameValue } from '../commands/bucket-name.ts'

type StoredName = readonly [bucket: string, claimedMicros: number]

export function encodeBucketName(value: BucketNameValue): Plain {
  const stored: StoredName =
    value.bucket === undefined ? ['', 0] : [value.bucket, value.claimedMicros]
  return stored
}

/** Format 1 is the bucket alone. @throws {TypeError} when `version` is neither 1 nor 2 */
export function decodeBucketName(plain: Plain, version: number): BucketNameValue {
  if (version !== 1 && version !== 2) {
    throw new TypeError(`Cannot read a bucket name: its format is ${version}, wanted 1 or 2`)
  }
  const [bucket, claimedMicros] = (version === 1 ? [plain, 0] : plain) as StoredName
  return bucket === '' ? { bucket: undefined } : { bucket: bucket as BucketId, claimedMicros }
}
