/**
 * What clients ask of a private bucket without versions before they work with it: questions with
 * one answer as long as nothing can be set.
 */

import { currentVersion } from '../../../store/object/get-object.ts'
import type { HttpResponse } from '../../http/response.ts'
import { documentAnswer, emptyAnswer, person } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import type { BucketContext, Operation } from '../contract/operation.ts'
import { errorAnswers, NO_LOCK_MESSAGE } from '../error-codes.ts'
import type { S3ErrorCode } from '../error-codes.ts'
import { S3Error } from '../errors.ts'
import { publicBlocks } from '../settings/public-blocks.ts'
import { versionToRead } from '../version-id.ts'
import { element } from '../xml-text.ts'

/** What is said, whatever the bucket or object. */
type Said =
  /** A document: its root, and what is in it. */
  | { readonly root: string; readonly content?: string | ((context: BucketContext) => string) }
  /** Nothing of the kind is there. */
  | { readonly code: S3ErrorCode; readonly message?: string }
  /** Nothing of the kind is there now. */
  | 'gone'

const NO_LOCK: Said = {
  code: 'InvalidRequest',
  message: NO_LOCK_MESSAGE,
}

/**
 * Source: S3 API reference, one page each; what AWS answers for a new bucket, as seen in 2025, but
 * for GetBucketEncryption: objects lie here as they came, and AWS said so too until 2023.
 */
const ofBuckets: Readonly<Record<string, Said>> = {
  'GetBucketVersioning ?versioning': { root: 'VersioningConfiguration' },
  'GetBucketAcl ?acl': { root: 'AccessControlPolicy', content: ownerOnly },
  'GetBucketPolicy ?policy': { code: 'NoSuchBucketPolicy' },
  'GetBucketPolicyStatus ?policyStatus': { code: 'NoSuchBucketPolicy' },
  'GetBucketTagging ?tagging': { code: 'NoSuchTagSet' },
  'GetBucketEncryption ?encryption': { code: 'ServerSideEncryptionConfigurationNotFoundError' },
  'GetBucketReplication ?replication': { code: 'ReplicationConfigurationNotFoundError' },
  'GetObjectLockConfiguration ?object-lock': { code: 'ObjectLockConfigurationNotFoundError' },
  'GetPublicAccessBlock ?publicAccessBlock': {
    root: 'PublicAccessBlockConfiguration',
    content: ({ bucket }) =>
      Object.entries(publicBlocks(bucket))
        .map(([name, isOn]) => element(name, isOn))
        .join(''),
  },
  'GetBucketOwnershipControls ?ownershipControls': {
    root: 'OwnershipControls',
    content: `<Rule>${element('ObjectOwnership', 'BucketOwnerEnforced')}</Rule>`,
  },
  'GetBucketLogging ?logging': { root: 'BucketLoggingStatus' },
  'GetBucketNotificationConfiguration ?notification': { root: 'NotificationConfiguration' },
  'GetBucketAccelerateConfiguration ?accelerate': { root: 'AccelerateConfiguration' },
  'GetBucketRequestPayment ?requestPayment': {
    root: 'RequestPaymentConfiguration',
    content: element('Payer', 'BucketOwner'),
  },
  'GetBucketAnalyticsConfiguration ?analytics&id': { code: 'NoSuchConfiguration' },
  'GetBucketIntelligentTieringConfiguration ?intelligent-tiering&id': {
    code: 'NoSuchConfiguration',
  },
  'GetBucketInventoryConfiguration ?inventory&id': { code: 'NoSuchConfiguration' },
  'GetBucketMetricsConfiguration ?metrics&id': { code: 'NoSuchConfiguration' },
  'ListBucketAnalyticsConfigurations ?analytics': noneOf('ListBucketAnalyticsConfigurationResult'),
  'ListBucketIntelligentTieringConfigurations ?intelligent-tiering': noneOf(
    'ListBucketIntelligentTieringConfigurationsResult',
  ),
  'ListBucketInventoryConfigurations ?inventory': noneOf('ListInventoryConfigurationsResult'),
  'ListBucketMetricsConfigurations ?metrics': noneOf('ListMetricsConfigurationsResult'),
  'DeleteBucketPolicy ?policy': 'gone',
  'DeleteBucketTagging ?tagging': 'gone',
  'DeleteBucketEncryption ?encryption': 'gone',
  'DeleteBucketReplication ?replication': 'gone',
}

/** Of an object that is there. */
const ofObjects: Readonly<Record<string, Said>> = {
  'GetObjectAcl ?acl': { root: 'AccessControlPolicy', content: ownerOnly },
  'GetObjectTagging ?tagging': { root: 'Tagging', content: '<TagSet/>' },
  'GetObjectRetention ?retention': NO_LOCK,
  'GetObjectLegalHold ?legal-hold': NO_LOCK,
}

export const probes: readonly Operation[] = [
  ...Object.entries(ofBuckets).map(([asked, said]) =>
    operation({
      ...declared(asked, said),
      target: 'bucket',
      handle: (_input, context) => Promise.resolve(answer(said, context)),
    }),
  ),
  ...Object.entries(ofObjects).map(([asked, said]) =>
    operation({
      ...declared(asked, said),
      parameters: versionToRead,
      target: 'object',
      handle: async (_input, context) => {
        await currentVersion(context.store, { bucket: context.bucket.id, key: context.key })
        return answer(said, context)
      },
    }),
  ),
]

/** What a line of the tables declares: the operation's name and the query that asks for it. */
function declared(asked: string, said: Said) {
  const [name, query] = asked.split(' ?') as [string, string]
  const own: readonly S3ErrorCode[] = typeof said === 'object' && 'code' in said ? [said.code] : []
  return {
    name,
    method: said === 'gone' ? ('DELETE' as const) : ('GET' as const),
    selector: { query: query.split('&') },
    permission: said === 'gone' ? ('owner' as const) : ('read' as const),
    body: 'none' as const,
    errors: [...own, 'NoSuchBucket' as const],
    parameters: {},
  }
}

function answer(said: Said, context: BucketContext): HttpResponse {
  if (said === 'gone') return emptyAnswer(204)
  if ('code' in said) {
    throw new S3Error(said.code, said.message ?? errorAnswers[said.code].message, {
      details: { BucketName: context.bucketName },
    })
  }
  const { root, content = '' } = said
  return documentAnswer(root, typeof content === 'string' ? content : content(context))
}

function noneOf(root: string): Said {
  return { root, content: element('IsTruncated', false) }
}

/** An access control list of one grant: whoever asks has every right, and nobody else. */
function ownerOnly({ caller: { id, name } }: BucketContext): string {
  const grantee = person('Grantee', id, name).replace(
    '<Grantee>',
    '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">',
  )
  const grant = `<Grant>${grantee}${element('Permission', 'FULL_CONTROL')}</Grant>`
  return person('Owner', id, name) + `<AccessControlList>${grant}</AccessControlList>`
}
