/** Names of buckets: each is won by ballot, all under one partition key. */

import type { BucketId } from '../base/ids.ts'
import { defineRegister, type RegisterTable } from '../table/schema.ts'
import { claimName, releaseName, type BucketNameValue } from './commands/bucket-name.ts'

/** The one partition key of all names. */
export const NAMES = 'names'

/** @param touched told of each name whose row changes, before the change is stable */
export function buildBucketNameTable(
  touched: (name: string) => void,
): RegisterTable<BucketNameValue> {
  return defineRegister<BucketNameValue>({
    name: 'bucket-name',
    tag: 'n',
    placement: 'hash',
    sides: [],
    indexes: [],
    commands: { claim: claimName, release: releaseName },
    version: 1,
    encode: (value) => value.bucket ?? '',
    decode(stored, version) {
      if (version !== 1 || typeof stored !== 'string') {
        throw new TypeError(`Cannot read a bucket name: its format is ${version}, wanted 1`)
      }
      return { bucket: stored === '' ? undefined : (stored as BucketId) }
    },
    updated: (_batch, { key }) => touched(key),
  })
}
