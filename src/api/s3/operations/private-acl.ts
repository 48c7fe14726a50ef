/** PutBucketAcl and PutObjectAcl, as far as they ask for what is so anyway: private. */

import { headObject } from '../../../store/object/get-object.ts'
import { readDocument } from '../../auth/document.ts'
import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import type { BucketContext } from '../contract/operation.ts'
import { header, optionalText } from '../contract/parameters.ts'
import { S3Error } from '../errors.ts'

const declared = {
  method: 'PUT',
  selector: { query: ['acl'] },
  body: 'document',
  groups: ['checksum'],
  parameters: { canned: header('x-amz-acl', optionalText) },
} as const

/** Names of AWS that ask for nothing else than what is done here. */
const privateLists: ReadonlySet<string> = new Set(['private', 'bucket-owner-full-control'])
const DOCUMENT_BYTES_MAX = 64 * 1024

export const putBucketAcl = operation({
  ...declared,
  name: 'PutBucketAcl',
  target: 'bucket',
  permission: 'owner',
  errors: ['InvalidRequest', 'NoSuchBucket'],
  handle: async ({ canned }, context) => {
    await mustBePrivate(context, canned)
    return emptyAnswer(200)
  },
})

export const putObjectAcl = operation({
  ...declared,
  name: 'PutObjectAcl',
  target: 'object',
  permission: 'write',
  errors: ['InvalidRequest', 'NoSuchBucket', 'NoSuchKey'],
  handle: async ({ canned }, context) => {
    await mustBePrivate(context, canned)
    await headObject(context.store, { bucket: context.bucket.id, key: context.key })
    return emptyAnswer(200)
  },
})

/** @throws {S3Error} `NotImplemented` for a list in the body and for another canned one */
async function mustBePrivate(
  { request, store }: BucketContext,
  canned: string | undefined,
): Promise<void> {
  const bytes = await readDocument(request.body, {
    sizeBytesMax: DOCUMENT_BYTES_MAX,
    compute: store.compute,
  })
  if (bytes.length > 0) {
    throw new S3Error(
      'NotImplemented',
      'Cannot set an access control list: there are none. Give rights to a key with "hangar bucket allow"',
    )
  }
  if (canned === undefined) {
    throw new S3Error('InvalidRequest', 'Cannot set an access control list: none was sent')
  }
  if (privateLists.has(canned)) return
  throw new S3Error(
    'NotImplemented',
    `Cannot honour the header "x-amz-acl": only ${[...privateLists].join(' and ')} are taken`,
    { details: { Header: 'x-amz-acl' } },
  )
}
