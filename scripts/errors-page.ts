/** The page of S3's error codes, made of the tables that answer with them. */

import { authErrorStatus } from '../src/api/auth/errors.ts'
import type { AuthErrorCode } from '../src/api/auth/errors.ts'
import { httpErrorStatus } from '../src/api/http/errors.ts'
import type { HttpErrorCode } from '../src/api/http/errors.ts'
import { errorAnswers } from '../src/api/s3/error-codes.ts'
import type { S3ErrorCode } from '../src/api/s3/error-codes.ts'

const intro = `# Errors of the S3 API

<!-- Written by scripts/errors-page.ts from src/api. Do not edit. -->

Every refusal is an XML document with \`Code\`, \`Message\`, \`Resource\`, \`RequestId\` and \`HostId\`
(not in the 503 of a node that does not serve),
and with further elements where they help (\`BucketName\`, \`Key\`, \`ArgumentName\`, \`Condition\` and the
like); HEAD has the status alone. Codes and statuses are S3's. Where clients match on a message it is
AWS's; elsewhere it says what was wrong and what was wanted. The \`RequestId\` of every 500 stands in the
log; of other refusals it does too, but for those of GetObject, HeadObject, PutObject, DeleteObject,
UploadPart and the lists, and of a node that does not serve.

503 comes with \`Retry-After\`: try again, with pauses that grow. A write that was answered with 503 or
500, or not at all, may have happened: read before you rely on either.
`

/** Codes that answer a request; \`ListenFailed\` is of a node that cannot start. */
type Code = Exclude<S3ErrorCode | AuthErrorCode | HttpErrorCode, 'ListenFailed'>

const SEE_COMPATIBILITY = 'See [s3-compatibility.md](s3-compatibility.md) for what is there'
const NOTHING_SET = 'Nothing: none was set'
const SIGN_BODY = 'Send the body that was signed, or sign anew; a proxy may have changed it'

/** What whoever asked can do, code by code. */
const remedies = {
  AccessControlListNotSupported:
    'Leave the list out, or say `private`; give rights to keys: `hangar bucket allow`',
  AccessDenied:
    'Sign the request; give the key the right: `hangar bucket allow --read --write --owner --key ID NAME`. Expired: sign anew, or make another key',
  AccessForbidden: 'Add a CORS rule for the origin and method: PutBucketCors',
  AuthorizationHeaderMalformed:
    'Mend the `Authorization` header; the message says what is wrong. A wrong region: use the one in `Region`',
  AuthorizationQueryParametersError: 'Presign anew; the message says which parameter is wrong',
  BadDigest: 'The bytes that came are not those that were summed: send them again',
  BadRequest: 'Send what HTTP/1.1 allows; the message says what is wrong',
  BucketAlreadyExists: 'Take another name: this one is of a bucket that the key has no right in',
  BucketAlreadyOwnedByYou: 'Nothing: the bucket is there',
  BucketNotEmpty: 'Delete its objects first, with `aws s3 rm --recursive` or the like',
  EntityTooLarge: 'Upload in parts, or smaller parts: 5 GiB at once, 5 TiB in all',
  EntityTooSmall: 'Make every part but the last 5 MiB or larger',
  ExpectationFailed: 'Send `Expect: 100-continue` or none',
  IncompleteBody: 'The connection broke, or the length is wrong: send it again',
  InternalError: 'Try again; if it stays, look for the `RequestId` in the log of the node',
  InvalidAccessKeyId: 'Use a key that exists: `hangar key list`, `hangar key create`',
  InvalidArgument: 'Mend the argument that `ArgumentName` names',
  InvalidBucketAclWithObjectOwnership:
    'Leave the list out, or say `private`; give rights to keys: `hangar bucket allow`',
  InvalidBucketName: 'Take 3 to 63 lower-case letters, digits, dots and hyphens',
  InvalidBucketState: 'Nothing: what it needs is not there; the message says what',
  InvalidChunkSizeError: 'Send chunks of at least 8 KiB but for the last; update the client',
  InvalidDigest: 'Send Content-MD5 as the base64 of 16 bytes',
  InvalidLocationConstraint: 'Name the region of this node, or none',
  InvalidEncryptionAlgorithmError: 'Send AES256: no other algorithm is taken',
  InvalidPart: 'Name parts that were uploaded, by the ETags of their answers: ListParts shows them',
  InvalidPartNumber: 'Ask for a part up to `ActualPartCount`',
  InvalidPartOrder: 'Name the parts in ascending order, each once',
  InvalidPolicyDocument: 'Mend the policy of the form; the message says where',
  InvalidRange: 'Ask for bytes below `ActualObjectSize`',
  InvalidRedirectLocation: 'Redirect to `/…`, `http://…` or `https://…`',
  InvalidRequest: 'Mend the request; the message says what does not go together',
  InvalidURI: 'Encode the path as UTF-8 and percent-encode it once',
  KeyTooLongError: 'Keep keys to 1,024 bytes of UTF-8',
  MalformedACLError: 'Send the document that S3 describes for PutBucketAcl',
  MalformedPOSTRequest: 'Send the form as multipart/form-data, the file last',
  MalformedTrailerError: 'Send the trailer that `x-amz-trailer` names; update the client',
  MalformedXML:
    'Send the document that S3 describes for this call; the message says where it differs',
  MaxMessageLengthExceeded: 'Send a smaller document',
  MaxPostPreDataLengthExceededError: 'Keep the fields before the file to 20 KB',
  MetadataTooLarge: 'Keep names and values of `x-amz-meta-*` to 2 KiB',
  MethodNotAllowed: 'Use a method that this resource has',
  MissingContentLength: 'Send Content-Length, or chunks',
  NoSuchBucket: 'Create the bucket, or mend its name: `hangar bucket list`',
  NoSuchBucketPolicy: NOTHING_SET,
  NoSuchCORSConfiguration: 'Nothing, or set rules with PutBucketCors',
  NoSuchLifecycleConfiguration: 'Nothing, or set rules with PutBucketLifecycleConfiguration',
  NoSuchConfiguration: NOTHING_SET,
  NoSuchKey: 'Mend the key: ListObjectsV2 shows what is there',
  NoSuchTagSet: NOTHING_SET,
  NoSuchUpload: 'Begin again: the upload was completed or aborted, or never was',
  NoSuchVersion: 'Ask without a version, or for `null`: objects have one version here',
  NoSuchWebsiteConfiguration: 'Nothing, or make a site of the bucket with PutBucketWebsite',
  NotImplemented: `Leave out what the message names. ${SEE_COMPATIBILITY}`,
  ObjectLockConfigurationNotFoundError: NOTHING_SET,
  PreconditionFailed: 'Read the object again and decide anew: it is not as `Condition` wanted it',
  QuotaExceeded: 'Delete something, or raise the quota of the bucket',
  ReplicationConfigurationNotFoundError: NOTHING_SET,
  RequestHeaderSectionTooLarge: 'Send fewer or shorter headers',
  RequestTimeTooSkewed: 'Set the clock: it differs from that of the node by over 15 minutes',
  RequestTimeout: 'Send the body without long pauses',
  ServerSideEncryptionConfigurationNotFoundError: NOTHING_SET,
  ServiceUnavailable:
    'Try again. If it stays: `hangar status` says which nodes are missing, `hangar doctor` what is wrong',
  SignatureDoesNotMatch:
    'Check the secret key and the path as signed; a proxy must not change path, query or signed headers',
  SlowDown: 'Try again later, with fewer requests at once',
  XAmzContentSHA256Mismatch: SIGN_BODY,
} as const satisfies Partial<Record<Code, string>>

/** The page as it should stand in doc/. */
export function errorsPage(): string {
  const codes = [
    ...new Set([
      ...Object.keys(errorAnswers),
      ...Object.keys(authErrorStatus),
      ...Object.keys(httpErrorStatus),
    ]),
  ].filter((code): code is Code => code !== 'ListenFailed')
  const rows = codes.sort().map((code) => {
    const { status, message } = answerOf(code)
    return `| ${code} | ${status} | ${message ?? '(says what is wrong)'} | ${remedyOf(code)} |`
  })
  return [intro, '| code | status | message | what to do |', '|---|--:|---|---|', ...rows, ''].join(
    '\n',
  )
}

/** What stands where nobody has said what to do. */
export const NO_REMEDY = '(nothing is said)'

function remedyOf(code: Code): string {
  const known: Readonly<Partial<Record<Code, string>>> = remedies
  return known[code] ?? NO_REMEDY
}

function answerOf(code: string): { readonly status: number; readonly message?: string } {
  const own: Readonly<Record<string, { readonly status: number; readonly message: string }>> =
    errorAnswers
  const other: Readonly<Record<string, number>> = { ...httpErrorStatus, ...authErrorStatus }
  return own[code] ?? { status: other[code]! }
}
