/** Buckets by id, all under one partition key, so that listing them is one settled page. */

import { defineRegister, type RegisterTable } from '../table/schema.ts'
import { bucketLine, decodeBucket, encodeBucket, type BucketValue } from './rows/bucket.ts'
import {
  addName,
  changeSettings,
  createBucket,
  dropName,
  forgetKey,
  permitKey,
  publishBucket,
  removeBucket,
} from './commands/bucket.ts'

/** Index of the buckets that are pending or live. */
export const BUCKET_INDEX = 'all'

/** @param touched told of each bucket whose row changes, before the change is stable */
export function buildBucketTable(touched: (id: string) => void): RegisterTable<BucketValue> {
  return defineRegister<BucketValue>({
    name: 'bucket',
    tag: 'b',
    placement: 'hash',
    sides: [],
    indexes: [{ name: BUCKET_INDEX, tag: 'B', line: bucketLine }],
    commands: {
      create: createBucket,
      publish: publishBucket,
      remove: removeBucket,
      permit: permitKey,
      settings: changeSettings,
      'add-name': addName,
      'drop-name': dropName,
      'forget-key': forgetKey,
    },
    version: 2,
    encode: encodeBucket,
    decode: decodeBucket,
    updated: (_batch, { key }) => touched(key),
  })
}
