/** What becomes of each header, query parameter and element that S3 or its proxies may send. */

import { privateLists } from './access-lists.ts'
import { unimplementedOperations } from './unimplemented.ts'

/**
 * - `read`: honoured, by whoever `by` names, whatever the operation.
 * - `accepted`: these values ask for what is done anyway; any other is refused with 501.
 * - `refused`: 501, because what it asks for is not there.
 *
 * Access control lists are refused with a code of their own: `access-lists.ts`.
 *
 * What an operation declares is honoured by that operation and needs no line here.
 */
export type Fate =
  | { readonly kind: 'read'; readonly by: string }
  | {
      readonly kind: 'accepted'
      readonly values: readonly string[] | 'any'
      readonly because: string
      readonly refusal?: string
    }
  | { readonly kind: 'refused'; readonly refusal?: string }

const bySignature: Fate = { kind: 'read', by: 'the check of the signature' }
const byClient: Fate = {
  kind: 'accepted',
  values: 'any',
  because: 'says who asks; it asks for nothing',
}
const byProxy: Fate = {
  kind: 'accepted',
  values: 'any',
  because: 'added by a proxy on the way; it asks for nothing',
}
const lifecycle = 'PutBucketLifecycleConfiguration'
const refused: Fate = { kind: 'refused' }
const noLists = '400 AccessControlListNotSupported'
const noList: Fate = { kind: 'refused', refusal: noLists }

function accepted(values: readonly string[], because: string): Fate {
  return { kind: 'accepted', values, because }
}

function readBy(by: string, names: readonly string[]): Record<string, Fate> {
  return Object.fromEntries(names.map((name) => [name, { kind: 'read', by }]))
}

/** Lower-case names. An `x-amz-*` header that is neither here nor declared is refused by name. */
export const headerFates: Readonly<Record<string, Fate>> = {
  'x-amz-content-sha256': bySignature,
  'x-amz-date': bySignature,
  'x-amz-decoded-content-length': bySignature,
  'x-amz-trailer': bySignature,
  'x-amz-user-agent': byClient,
  'x-amz-cf-id': byProxy,
  'x-amz-cf-pop': byProxy,
  'x-amz-apigw-id': byProxy,
  'x-amz-acl': {
    kind: 'accepted',
    values: privateLists,
    because: 'objects are private, and the owner of the bucket has every right',
    refusal: noLists,
  },
  'x-amz-storage-class': accepted(['STANDARD'], 'there is one storage class'),
  'x-amz-object-ownership': accepted(['BucketOwnerEnforced'], 'there are no ACLs'),
  'x-amz-bucket-object-lock-enabled': accepted(['false', 'False'], 'there is no lock'),
  'x-amz-object-lock-legal-hold': accepted(['OFF'], 'there is no lock'),
  'x-amz-bypass-governance-retention': {
    kind: 'accepted',
    values: 'any',
    because: 'nothing is retained, so there is nothing to bypass',
  },
  'x-amz-request-payer': accepted(['requester'], 'nobody is charged'),
  'x-amz-server-side-encryption-bucket-key-enabled': accepted(['false'], 'there is no such key'),
  'x-amz-te': {
    kind: 'accepted',
    values: ['append-md5'],
    because: 'an offer that a server may decline',
  },
  'x-amz-tagging': accepted([''], 'an empty set of tags is none'),
  'x-amz-bucket-object-lock-token': refused,
  'x-amz-confirm-remove-self-bucket-access': refused,
  'x-amz-create-session-mode': refused,
  'x-amz-grant-full-control': noList,
  'x-amz-grant-read': noList,
  'x-amz-grant-read-acp': noList,
  'x-amz-grant-write': noList,
  'x-amz-grant-write-acp': noList,
  'x-amz-if-match-initiated-time': refused,
  'x-amz-if-match-last-modified-time': refused,
  'x-amz-if-match-size': refused,
  'x-amz-mfa': refused,
  'x-amz-object-attributes': refused,
  'x-amz-object-lock-mode': refused,
  'x-amz-object-lock-retain-until-date': refused,
  'x-amz-optional-object-attributes': refused,
  'x-amz-rename-source': refused,
  'x-amz-security-token': refused,
  'x-amz-server-side-encryption': refused,
  'x-amz-server-side-encryption-aws-kms-key-id': refused,
  'x-amz-server-side-encryption-context': refused,
  'x-amz-skip-destination-validation': refused,
  'x-amz-transition-default-minimum-object-size': refused,
  'x-amz-write-offset-bytes': refused,
}

/** Conditions: kept by the operations that declare them, refused by all others. */
export const conditionHeaders: ReadonlySet<string> = new Set([
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
])

/**
 * Query parameters of S3. One that is here and not declared by the operation is refused; one that
 * is nobody's asks for nothing (and is signed), and is ignored as AWS does.
 */
export const queryFates: Readonly<Record<string, Fate>> = {
  'x-id': byClient,
  versionId: accepted(['null'], 'the one version of an object without versioning'),
  ...Object.fromEntries(
    [
      ...new Set([
        ...unimplementedOperations.flatMap((one) => one.selector.query ?? []),
        'acl',
        'attributes',
        'bucket-region',
        'continuation-token',
        'cors',
        'delete',
        'delimiter',
        'encoding-type',
        'fetch-owner',
        'key-marker',
        'legal-hold',
        'list-type',
        'location',
        'logging',
        'marker',
        'max-buckets',
        'max-keys',
        'max-parts',
        'max-uploads',
        'notification',
        'object-lock',
        'ownershipControls',
        'part-number-marker',
        'partNumber',
        'policyStatus',
        'prefix',
        'publicAccessBlock',
        'requestPayment',
        'response-cache-control',
        'response-content-disposition',
        'response-content-encoding',
        'response-content-language',
        'response-content-type',
        'response-expires',
        'retention',
        'select-type',
        'start-after',
        'upload-id-marker',
        'uploadId',
        'uploads',
        'version-id-marker',
        'versions',
        'website',
      ]),
    ]
      .filter((name) => name !== 'id')
      .map((name) => [name, refused] as const),
  ),
}

/**
 * Elements of the documents that are read here, below their root; `refused` ones are S3's and
 * answered with 501. An element that is nobody's makes the document malformed.
 */
export const elementFates: Readonly<Record<string, Readonly<Record<string, Fate>>>> = {
  CreateBucketConfiguration: {
    LocationConstraint: { kind: 'read', by: 'CreateBucket' },
    Location: refused,
    Bucket: refused,
    Tags: refused,
  },
  Delete: {
    Object: { kind: 'read', by: 'DeleteObjects' },
    Quiet: { kind: 'read', by: 'DeleteObjects' },
  },
  Object: {
    Key: { kind: 'read', by: 'DeleteObjects' },
    VersionId: { kind: 'read', by: 'DeleteObjects' },
    ETag: { kind: 'read', by: 'DeleteObjects' },
    LastModifiedTime: refused,
    Size: refused,
  },
  WebsiteConfiguration: readBy('PutBucketWebsite', [
    'IndexDocument',
    'ErrorDocument',
    'RedirectAllRequestsTo',
    'RoutingRules',
  ]),
  IndexDocument: readBy('PutBucketWebsite', ['Suffix']),
  ErrorDocument: readBy('PutBucketWebsite', ['Key']),
  RedirectAllRequestsTo: readBy('PutBucketWebsite', ['HostName', 'Protocol']),
  RoutingRules: readBy('PutBucketWebsite', ['RoutingRule']),
  RoutingRule: readBy('PutBucketWebsite', ['Condition', 'Redirect']),
  Condition: readBy('PutBucketWebsite', ['HttpErrorCodeReturnedEquals', 'KeyPrefixEquals']),
  Redirect: readBy('PutBucketWebsite', [
    'HostName',
    'HttpRedirectCode',
    'Protocol',
    'ReplaceKeyPrefixWith',
    'ReplaceKeyWith',
  ]),
  CORSConfiguration: readBy('PutBucketCors', ['CORSRule']),
  CORSRule: readBy('PutBucketCors', [
    'ID',
    'AllowedHeader',
    'AllowedMethod',
    'AllowedOrigin',
    'ExposeHeader',
    'MaxAgeSeconds',
  ]),
  LifecycleConfiguration: readBy(lifecycle, ['Rule']),
  Rule: {
    ...readBy(lifecycle, ['ID', 'Prefix', 'Filter', 'Status', 'Expiration']),
    ...readBy(lifecycle, ['AbortIncompleteMultipartUpload']),
    Transition: refused,
    NoncurrentVersionExpiration: refused,
    NoncurrentVersionTransition: refused,
  },
  Filter: {
    ...readBy(lifecycle, ['And', 'Prefix', 'ObjectSizeGreaterThan', 'ObjectSizeLessThan']),
    Tag: refused,
  },
  And: {
    ...readBy(lifecycle, ['Prefix', 'ObjectSizeGreaterThan', 'ObjectSizeLessThan']),
    Tag: refused,
  },
  Expiration: {
    ...readBy(lifecycle, ['Days', 'Date']),
    ExpiredObjectDeleteMarker: accepted(
      ['true', 'false'],
      'kept with the rule; without versions there are no delete markers',
    ),
  },
  AbortIncompleteMultipartUpload: readBy(lifecycle, ['DaysAfterInitiation']),
  CompleteMultipartUpload: {
    Part: { kind: 'read', by: 'CompleteMultipartUpload' },
  },
  Part: {
    PartNumber: { kind: 'read', by: 'CompleteMultipartUpload' },
    ETag: { kind: 'read', by: 'CompleteMultipartUpload' },
    ChecksumCRC32: { kind: 'read', by: 'CompleteMultipartUpload' },
    ChecksumCRC32C: { kind: 'read', by: 'CompleteMultipartUpload' },
    ChecksumCRC64NVME: { kind: 'read', by: 'CompleteMultipartUpload' },
    ChecksumSHA1: { kind: 'read', by: 'CompleteMultipartUpload' },
    ChecksumSHA256: { kind: 'read', by: 'CompleteMultipartUpload' },
    ChecksumMD5: refused,
    ChecksumSHA512: refused,
    ChecksumXXHASH64: refused,
    ChecksumXXHASH3: refused,
    ChecksumXXHASH128: refused,
  },
}
