/** The source of a copy: which object it is, whether it may be read, and under which conditions. */

import { isBucketId } from '../../base/ids.ts'
import { PUT_SIZE_BYTES_MAX } from '../../base/limits.ts'
import { bucketNameFault } from '../../model/bucket-name.ts'
import type { Bucket } from '../../model/rows/bucket.ts'
import { findAccessKey } from '../../store/access-key.ts'
import { resolveBucket } from '../../store/bucket/names.ts'
import type { ObjectInfo } from '../../store/object/get-object.ts'
import { climbs, isKeyTooLong } from '../http/host.ts'
import { judgeRead } from '../http/conditional.ts'
import { decodePercent } from '../http/uri.ts'
import { header, optionalText, rawText } from './contract/parameters.ts'
import type { Parse } from './contract/parameters.ts'
import type { InputOf, ObjectContext } from './contract/operation.ts'
import { errorAnswers } from './error-codes.ts'
import { S3Error } from './errors.ts'
import { checkExpectedOwner, EXPECTED_SOURCE_OWNER } from './expected-owner.ts'
import { presentVersion } from './version-id.ts'

const HEADER = 'x-amz-copy-source'

/** As the header names it, decoded once. */
export interface SourceName {
  readonly bucketName: string
  readonly key: string
}

/**
 * Reads `bucket/key`, with or without a slash in front, percent-coded, perhaps with a version.
 *
 * The one place that does: what is authorised and what is read are this same value.
 *
 * @throws {S3Error} `InvalidArgument`, `NoSuchVersion`
 */
export const copySource: Parse<SourceName> = (value = '') => {
  const mark = value.indexOf('?versionId=')
  const named = mark === -1 ? value : value.slice(0, mark)
  const path = decoded(named.startsWith('/') ? named.slice(1) : named, value)
  const slash = path.indexOf('/')
  const bucketName = slash === -1 ? path : path.slice(0, slash)
  if (bucketNameFault(bucketName) !== undefined && !isBucketId(bucketName)) {
    throw refusal('Invalid copy source bucket name', value)
  }
  const key = slash === -1 ? '' : path.slice(slash + 1)
  if (key === '' || isKeyTooLong(key) || climbs(key)) {
    throw refusal('Invalid copy source object key', key)
  }
  if (mark !== -1) presentVersion(value.slice(mark + '?versionId='.length), 'versionId')
  return { bucketName, key }
}

function decoded(raw: string, value: string): string {
  try {
    return decodePercent(raw)
  } catch {
    throw refusal('Invalid copy source encoding', value)
  }
}

function refusal(message: string, value: string): S3Error {
  return new S3Error('InvalidArgument', message, {
    details: { ArgumentName: HEADER, ArgumentValue: value.slice(0, 200) },
  })
}

/** What every copy says of its source. */
export const sourceParameters = {
  source: header(HEADER, copySource),
  sourceOwner: header(EXPECTED_SOURCE_OWNER, rawText),
  sourceIfMatch: header('x-amz-copy-source-if-match', optionalText),
  sourceIfNoneMatch: header('x-amz-copy-source-if-none-match', optionalText),
  sourceIfModifiedSince: header('x-amz-copy-source-if-modified-since', optionalText),
  sourceIfUnmodifiedSince: header('x-amz-copy-source-if-unmodified-since', optionalText),
}

export type SourceInput = InputOf<typeof sourceParameters>

/**
 * The bucket of the source, which the caller may read.
 *
 * @throws {S3Error} `NoSuchBucket`, `AccessDenied`
 */
export async function sourceBucket(context: ObjectContext, input: SourceInput): Promise<Bucket> {
  const { store, caller } = context
  const { bucketName } = input.source
  const key = await findAccessKey(store, caller.id)
  const bucket = key === undefined ? undefined : await resolveBucket(store, bucketName, key)
  if (bucket === undefined) {
    throw new S3Error('NoSuchBucket', errorAnswers.NoSuchBucket.message, {
      details: { BucketName: bucketName },
    })
  }
  if (bucket.keys.get(caller.id)?.read !== true) {
    throw new S3Error(
      'AccessDenied',
      'Access Denied: the key has no read right in the bucket of the copy source. ' +
        `Give it with: hangar bucket allow --read --key ${caller.id} ${bucketName}`,
    )
  }
  checkExpectedOwner(bucket, input.sourceOwner)
  return bucket
}

/** @throws {S3Error} `InvalidRequest` for more than S3 copies in one go */
export function checkSourceSize(size: number): void {
  if (size <= PUT_SIZE_BYTES_MAX) return
  throw new S3Error(
    'InvalidRequest',
    `The specified copy source is larger than the maximum allowable size for a copy source: ${PUT_SIZE_BYTES_MAX}`,
  )
}

/**
 * Holds the conditions of a copy against its source: as those of a read, but all of them fail
 * with 412.
 *
 * @throws {S3Error} `PreconditionFailed`
 */
export function judgeSource(info: ObjectInfo, input: SourceInput, nowMicros: number): void {
  const conditions = {
    ifMatch: input.sourceIfMatch,
    ifNoneMatch: input.sourceIfNoneMatch,
    ifModifiedSince: input.sourceIfModifiedSince,
    ifUnmodifiedSince: input.sourceIfUnmodifiedSince,
  }
  const verdict = judgeRead(conditions, info, nowMicros)
  if (verdict === 'proceed') return
  throw new S3Error('PreconditionFailed', errorAnswers.PreconditionFailed.message, {
    details: { Condition: failedCondition(conditions, verdict) },
  })
}

function failedCondition(
  conditions: { readonly ifMatch: string | undefined; readonly ifNoneMatch: string | undefined },
  verdict: 'not-modified' | 'precondition-failed',
): string {
  if (verdict === 'not-modified') {
    return `${HEADER}-If-${conditions.ifNoneMatch === undefined ? 'Modified-Since' : 'None-Match'}`
  }
  return `${HEADER}-If-${conditions.ifMatch === undefined ? 'Unmodified-Since' : 'Match'}`
}
