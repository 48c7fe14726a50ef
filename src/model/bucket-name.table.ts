/** Names of buckets: each is won by ballot, all under one partition key. */

import { defineRegister, type RegisterTable } from '../table/schema.ts'
import { claimName, releaseName, type BucketNameValue } from './commands/bucket-name.ts'
import { decodeBucketName, encodeBucketName } from './rows/bucket-name.ts'

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
    version: 2,
    encode: encodeBucketName,
    decode: decodeBucketName,
    updated: (_batch, { key }) => touched(key),
  })
}
