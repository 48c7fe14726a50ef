/** The verifier of form uploads: the policy is what is signed, and it says what the form may hold. */

import { PRESIGNED_SECONDS_MAX } from '../../base/limits.ts'
import type { AccessKeyId } from '../../base/ids.ts'
import { formBoundary, isFormType, readForm } from '../http/form.ts'
import type { Form } from '../http/form.ts'
import { emptyQuery, splitTarget } from '../http/query.ts'
import type { HttpRequest } from '../http/request.ts'
import { readChecksumClaim, readContentMd5 } from './checksum-claim.ts'
import { ALGORITHM, readAmzDate, readCredential } from './claim.ts'
import { AuthError } from './errors.ts'
import { judgePolicy, parsePolicy, withinSizes } from './post-policy.ts'
import type { PostPolicy } from './post-policy.ts'
import { signHex } from './signing-key.ts'
import { signaturesAreEqual } from './streaming-signature.ts'
import type { ChecksumAlgorithm, Verified, VerifiedBody } from './verified.ts'
import type { VerifyContext } from './verify.ts'

/** Together they sign a form. Source: S3 API reference, "Creating an HTML form". */
const signatureFields = [
  'policy',
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-signature',
] as const

/** Fields that say what the headers of the same name say with PutObject. */
const headerFields: ReadonlySet<string> = new Set([
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-md5',
  'content-type',
  'expires',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
])

/** Fields whose header has another name. */
const renamedFields: ReadonlyMap<string, string> = new Map([
  ['acl', 'x-amz-acl'],
  ['tagging', 'x-amz-tagging'],
])

const FILE_NAME = '${filename}'

/** Whether a request is a form upload, or meant to be one: a POST without any other signature. */
export function isFormUpload(request: HttpRequest): boolean {
  if (request.method !== 'POST' || request.headers.has('authorization')) return false
  const { query } = splitTarget(request.target)
  if (!isFormType(request.headers.get('content-type'))) return query === ''
  return !/(^|&)X-Amz-Signature=/i.test(query)
}

/**
 * Proves who signed the form of `request`, and that the form keeps to what was signed.
 *
 * Reads the body up to the file. What the fields say in place of headers stands among the headers
 * of the result, the others in `form`.
 *
 * @param bucket the name that the request's host or path gives
 * @throws {AuthError} with S3's code for what is wrong
 * @throws {HttpError} for a form that cannot be read
 */
export async function verifyForm(
  request: HttpRequest,
  bucket: string,
  context: VerifyContext,
): Promise<Verified> {
  const contentType = request.headers.get('content-type') ?? ''
  if (!isFormType(contentType)) throw notAForm()
  refuseHeaders(request)
  const form = await readForm(request.body, formBoundary(contentType))
  if (!form.fields.has('key')) throw missing('key')
  const { keyId, region, policyText } = await checkSignature(form.fields, context)
  const fields = withFileName(form)
  const policy = parsePolicy(policyText)
  const nowMillis = Math.floor(context.clock.wallMicros() / 1000)
  const given = fields.get('bucket')
  if (given !== undefined && given !== bucket) {
    throw new AuthError('AccessDenied', 'Invalid according to Policy: Bucket name does not match')
  }
  judgePolicy(policy, new Map([...fields, ['bucket', bucket]]), nowMillis)
  const headers = headersOf(fields)
  return {
    kind: 'form',
    accessKeyId: keyId as AccessKeyId,
    region,
    method: request.method,
    path: splitTarget(request.target).path,
    headers,
    query: emptyQuery,
    payload: 'unsigned',
    body: bodyOf(form, policy, headers),
    form: fields,
  }
}

/** What a signature does not cover asks for nothing. */
function refuseHeaders(request: HttpRequest): void {
  for (const name of request.headers.keys()) {
    if (!name.startsWith('x-amz-') || name === 'x-amz-cf-id') continue
    throw new AuthError(
      'AccessDenied',
      `There were headers present which were not signed: ${name}. A form says it in a field`,
      { details: { HeadersNotSigned: name } },
    )
  }
}

interface Signer {
  readonly keyId: string
  readonly region: string
  readonly policyText: string
}

async function checkSignature(
  fields: ReadonlyMap<string, string>,
  context: VerifyContext,
): Promise<Signer> {
  const [policyText, algorithm, credentialText, amzDate, signature] = signedFields(fields)
  if (algorithm !== ALGORITHM) {
    throw badField('x-amz-algorithm', algorithm, `Only ${ALGORITHM} is supported`)
  }
  const rule = { service: context.service ?? 's3', strictRegion: context.strictRegion }
  const claim = readCredential(credentialText, rule, 'InvalidArgument')
  const { millis } = readAmzDate(amzDate, claim.scope, {
    missing: 'InvalidArgument',
    differs: 'InvalidArgument',
  })
  const found = context.findSecret(claim.keyId)
  const secret = typeof found === 'object' ? await found : found
  const key = context.signingKeys.of(claim, secret ?? '0'.repeat(64))
  const matches = signaturesAreEqual(signHex(key, policyText), signature)
  const AWSAccessKeyId = claim.keyId.slice(0, 128)
  if (secret === undefined) {
    throw new AuthError(
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records. ' +
        'Those that do: hangar key list',
      { details: { AWSAccessKeyId } },
    )
  }
  if (!matches) {
    throw new AuthError(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. ' +
        `Check your key and signing method. Its secret: hangar key info ${claim.keyId} --show-secret`,
      { details: { AWSAccessKeyId, SignatureProvided: signature, StringToSign: policyText } },
    )
  }
  context.signingKeys.keep(claim, secret, key)
  const ageMillis = context.clock.wallMicros() / 1000 - millis
  // Source: AWS Signature Version 4: a signing key is good for seven days.
  if (ageMillis > PRESIGNED_SECONDS_MAX * 1000) {
    throw new AuthError('AccessDenied', 'Invalid according to Policy: Policy expired.')
  }
  return { keyId: claim.keyId, region: claim.scope.region, policyText }
}

type Five = readonly [string, string, string, string, string]

/** @throws {AuthError} unless all of them are there */
function signedFields(fields: ReadonlyMap<string, string>): Five {
  const lacking = signatureFields.filter((name) => !fields.has(name))
  const isVersion2 = fields.has('awsaccesskeyid') || fields.has('signature')
  if (isVersion2 && lacking.length > 0) {
    throw new AuthError(
      'InvalidRequest',
      `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`,
    )
  }
  if (lacking.length === signatureFields.length) {
    throw new AuthError('AccessDenied', 'Access Denied: the form is not signed')
  }
  if (lacking[0] !== undefined) throw missing(lacking[0])
  return signatureFields.map((name) => fields.get(name)!) as unknown as Five
}

/**
 * The fields with the name of the file in place of `${filename}`: of a path, its last segment.
 * Source: S3 API reference, "POST policy": variables are expanded before the policy is held
 * against the form.
 */
function withFileName({ fields, fileName }: Form): ReadonlyMap<string, string> {
  const name = fileName.slice(Math.max(fileName.lastIndexOf('/'), fileName.lastIndexOf('\\')) + 1)
  const expanded = new Map<string, string>()
  for (const [field, value] of fields) {
    const isSigned = (signatureFields as readonly string[]).includes(field)
    expanded.set(field, isSigned ? value : value.replaceAll(FILE_NAME, () => name))
  }
  return expanded
}

/** The headers that the fields stand for; values are bytes as latin1 text. */
function headersOf(fields: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const [field, value] of fields) {
    const name = renamedFields.get(field) ?? field
    if ((signatureFields as readonly string[]).includes(name)) continue
    if (!name.startsWith('x-amz-') && !headerFields.has(name)) continue
    const text = Buffer.from(value, 'utf8').toString('latin1').trim()
    // oxlint-disable-next-line no-control-regex
    if (/[\0-\x08\x0a-\x1f\x7f]/.test(text)) {
      throw badField(field, '', `Cannot read "${field}": it holds a control character`)
    }
    headers.set(name, text)
  }
  return headers
}

function bodyOf(
  form: Form,
  policy: PostPolicy,
  headers: ReadonlyMap<string, string>,
): VerifiedBody {
  const md5 = readContentMd5(headers)
  const amzNames = [...headers.keys()].filter((name) => name.startsWith('x-amz-'))
  const claim = readChecksumClaim(headers, amzNames, 'unsigned')
  const checksum =
    claim?.value === undefined ? undefined : { algorithm: claim.algorithm, value: claim.value }
  const named = headers.get('x-amz-checksum-algorithm')?.toUpperCase()
  // A name that no algorithm has was refused with the claim.
  const wanted = claim?.algorithm ?? (named as ChecksumAlgorithm | undefined)
  return {
    pieces: policy.sizes.length === 0 ? form.file : withinSizes(form.file, policy.sizes),
    expect: () => ({
      ...(md5 === undefined ? {} : { md5 }),
      ...(checksum === undefined ? {} : { checksum }),
    }),
    ...(wanted === undefined ? {} : { checksumWanted: wanted }),
    sha256Wanted: false,
  }
}

function missing(field: string): AuthError {
  return badField(
    field,
    '',
    `Bucket POST must contain a field named '${field}'.  ` +
      'If it is specified, please check the order of the fields.',
  )
}

function badField(field: string, value: string, message: string): AuthError {
  return new AuthError('InvalidArgument', message, {
    details: { ArgumentName: field, ArgumentValue: value.slice(0, 200) },
  })
}

/** Source: AWS S3, as observed: a POST to a bucket that is no form. */
export function notAForm(): AuthError {
  return new AuthError(
    'PreconditionFailed',
    'At least one of the pre-conditions you specified did not hold',
    { details: { Condition: 'Bucket POST must be of the enclosure-type multipart/form-data' } },
  )
}
