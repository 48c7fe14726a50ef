/**
 * Access control lists are off, as in a bucket of AWS whose `ObjectOwnership` is
 * `BucketOwnerEnforced`: a list that gives the owner every right says what is so, and any other is
 * refused as S3 does then.
 *
 * Source: S3 User Guide, "Controlling ownership of objects and disabling ACLs", read in 2026. AWS
 * refuses `private` too; clients of other stores send it by themselves, and it asks for no more.
 */

import type { XmlElement } from '../../http/xml.ts'
import { errorAnswers } from '../error-codes.ts'
import { S3Error } from '../errors.ts'
import { childOf, childrenOf, textOf } from '../settings/document.ts'

/** Names of AWS that ask for nothing else than what is done here. */
export const privateLists: readonly string[] = ['private', 'bucket-owner-full-control']

/** Source: S3 User Guide, "Canned ACL". */
const cannedLists: ReadonlySet<string> = new Set([
  ...privateLists,
  'public-read',
  'public-read-write',
  'aws-exec-read',
  'authenticated-read',
  'bucket-owner-read',
  'log-delivery-write',
])

/** Whether a header asks for access by list. */
export function isListHeader(name: string): boolean {
  return name === 'x-amz-acl' || name.startsWith('x-amz-grant-')
}

/**
 * @param operation the name of what is asked for
 * @throws {S3Error} `AccessControlListNotSupported`, `InvalidBucketAclWithObjectOwnership` of
 *   CreateBucket, `InvalidArgument` for a name that is no list's
 */
export function checkListHeader(operation: string, name: string, value: string): void {
  if (name === 'x-amz-acl') {
    if (privateLists.includes(value)) return
    if (!cannedLists.has(value)) {
      throw new S3Error(
        'InvalidArgument',
        'Cannot take the canned ACL: there is none of the name',
        {
          details: { ArgumentName: name, ArgumentValue: value.slice(0, 200) },
        },
      )
    }
  }
  throw noLists(
    operation === 'CreateBucket'
      ? 'InvalidBucketAclWithObjectOwnership'
      : 'AccessControlListNotSupported',
    { Header: name },
  )
}

/**
 * Holds a document against the one list there is: the owner, with every right.
 *
 * @throws {S3Error} `AccessControlListNotSupported` for any other, `MalformedACLError`
 */
export function checkListDocument(document: XmlElement, ownerId: string): void {
  const grants = childOf(document, 'AccessControlList')
  if (document.name !== 'AccessControlPolicy' || grants === undefined) {
    throw new S3Error('MalformedACLError', errorAnswers.MalformedACLError.message)
  }
  const owner = childOf(document, 'Owner')
  const isOwners = owner === undefined || textOf(owner, 'ID') === ownerId
  const given = childrenOf(grants, 'Grant').map((grant) => {
    const grantee = childOf(grant, 'Grantee')
    return grantee !== undefined &&
      textOf(grantee, 'ID') === ownerId &&
      textOf(grant, 'Permission') === 'FULL_CONTROL'
      ? 'owner'
      : 'other'
  })
  if (isOwners && given.length === 1 && given[0] === 'owner') return
  throw noLists('AccessControlListNotSupported', {})
}

function noLists(
  code: 'AccessControlListNotSupported' | 'InvalidBucketAclWithObjectOwnership',
  details: Readonly<Record<string, string>>,
): S3Error {
  const { message } = errorAnswers[code]
  return new S3Error(
    code,
    `${message}. Leave the list out; rights are given to keys: hangar bucket allow`,
    { details },
  )
}
