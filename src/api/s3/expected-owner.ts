/** Whom a client believes a bucket to belong to: a request for the wrong bucket does nothing. */

import type { AccessKeyId } from '../../base/ids.ts'
import type { Bucket } from '../../model/rows/bucket.ts'
import { S3Error } from './errors.ts'

export const EXPECTED_OWNER = 'x-amz-expected-bucket-owner'
export const EXPECTED_SOURCE_OWNER = 'x-amz-source-expected-bucket-owner'

/**
 * Owners are the keys with that right; their ids are what lists show as those of owners.
 *
 * @param expected the header's value
 * @throws {S3Error} `AccessDenied`
 */
export function checkExpectedOwner(bucket: Bucket, expected: string | undefined): void {
  if (expected === undefined) return
  if (bucket.keys.get(expected as AccessKeyId)?.owner === true) return
  throw new S3Error(
    'AccessDenied',
    'Access Denied: the bucket does not belong to its expected owner. ' +
      'Owners are access keys with the owner right; hangar bucket info names them',
  )
}
