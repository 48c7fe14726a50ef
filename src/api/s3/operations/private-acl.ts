/** PutBucketAcl and PutObjectAcl, as far as they ask for what is so anyway: private. */

import { currentVersion } from '../../../store/object/get-object.ts'
import { CONFIG_BODY_BYTES_MAX } from '../../../base/limits.ts'
import { readDocument } from '../../auth/document.ts'
import { parseXml } from '../../http/xml.ts'
import { checkListDocument, checkListHeader } from '../contract/access-lists.ts'
import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import type { BucketContext } from '../contract/operation.ts'
import { header, optionalText } from '../contract/parameters.ts'
import { S3Error } from '../errors.ts'
import { versionToRead } from '../version-id.ts'

const canned = header('x-amz-acl', optionalText)

const declared = {
  method: 'PUT',
  selector: { query: ['acl'] },
  body: 'document',
  groups: ['checksum'],
} as const

const errors = [
  'AccessControlListNotSupported',
  'InvalidArgument',
  'InvalidRequest',
  'MalformedACLError',
  'NoSuchBucket',
] as const

export const putBucketAcl = operation({
  ...declared,
  name: 'PutBucketAcl',
  target: 'bucket',
  permission: 'owner',
  errors,
  parameters: { canned },
  handle: async (input, context) => {
    await mustBePrivate('PutBucketAcl', context, input.canned)
    return emptyAnswer(200)
  },
})

export const putObjectAcl = operation({
  ...declared,
  name: 'PutObjectAcl',
  target: 'object',
  permission: 'write',
  errors: [...errors, 'NoSuchKey', 'NoSuchVersion'],
  parameters: { canned, ...versionToRead },
  handle: async (input, context) => {
    await mustBePrivate('PutObjectAcl', context, input.canned)
    await currentVersion(context.store, { bucket: context.bucket.id, key: context.key })
    return emptyAnswer(200)
  },
})

/** @throws {S3Error} for a list that gives more or less than the owner every right */
async function mustBePrivate(
  name: string,
  { request, store, caller }: BucketContext,
  list: string | undefined,
): Promise<void> {
  const bytes = await readDocument(request.body, {
    sizeBytesMax: CONFIG_BODY_BYTES_MAX,
    compute: store.compute,
  })
  if (list !== undefined) checkListHeader(name, 'x-amz-acl', list)
  if (bytes.length > 0) {
    if (list !== undefined) {
      throw new S3Error('InvalidRequest', 'Cannot set an access control list: two were sent')
    }
    checkListDocument(parseXml(bytes), caller.id)
  } else if (list === undefined) {
    throw new S3Error('InvalidRequest', 'Cannot set an access control list: none was sent')
  }
}
