/** The calls that set object lock, answered as AWS does where a bucket has no lock: all here. */

import type { HttpResponse } from '../../http/response.ts'
import { operation } from '../contract/operation.ts'
import type { ObjectContext, Operation } from '../contract/operation.ts'
import { NO_LOCK_MESSAGE } from '../error-codes.ts'
import { S3Error } from '../errors.ts'
import { readSettings } from '../settings/document.ts'
import { versionToRead } from '../version-id.ts'

const declared = { method: 'PUT', groups: ['checksum'], body: 'document' } as const

/** Source: S3 User Guide, "Configuring S3 Object Lock": it needs versioning. */
const putObjectLockConfiguration = operation({
  ...declared,
  name: 'PutObjectLockConfiguration',
  target: 'bucket',
  selector: { query: ['object-lock'] },
  permission: 'owner',
  errors: ['BadDigest', 'InvalidBucketState', 'MalformedXML', 'NoSuchBucket'],
  parameters: {},
  handle: async (_input, context) => {
    await readSettings(context)
    throw new S3Error(
      'InvalidBucketState',
      "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
    )
  },
})

function ofObject(name: string, query: string): Operation {
  return operation({
    ...declared,
    name,
    target: 'object',
    selector: { query: [query] },
    permission: 'write',
    errors: ['BadDigest', 'InvalidArgument', 'InvalidRequest', 'MalformedXML', 'NoSuchBucket'],
    parameters: versionToRead,
    handle: (_input, context) => refuse(context),
  })
}

async function refuse(context: ObjectContext): Promise<HttpResponse> {
  await readSettings(context)
  throw new S3Error('InvalidRequest', NO_LOCK_MESSAGE)
}

export const withoutLock: readonly Operation[] = [
  putObjectLockConfiguration,
  ofObject('PutObjectRetention', 'retention'),
  ofObject('PutObjectLegalHold', 'legal-hold'),
]
