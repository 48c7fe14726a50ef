/** The one verifier of signed requests: header and presigned, every payload mode. */

import type { KeyObject } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import type { AccessKeyId } from '../../base/ids.ts'
import { canonicalQuery, parseQuery, type Query, splitTarget } from '../http/query.ts'
import type { HttpRequest } from '../http/request.ts'
import { decodePercent, encodePath } from '../http/uri.ts'
import { canonicalRequest, stringToSign } from './canonical-request.ts'
import { readChecksumClaim } from './checksum-claim.ts'
import type { Claim } from './claim.ts'
import { AuthError } from './errors.ts'
import { payloadModeOf, verifiedBody } from './payload.ts'
import {
  hoistParameters,
  isPresigned,
  isPresignedV2,
  readPresignedClaim,
  SIGNATURE_PARAMETER,
} from './presigned.ts'
import { type SigningKeys, signHex } from './signing-key.ts'
import { readHeaderClaim } from './sigv4.ts'
import { signaturesAreEqual } from './streaming-signature.ts'
import type { Verified } from './verified.ts'

export interface VerifyContext {
  /** The secret of an access key id; undefined when there is no such (living) key. */
  readonly findSecret: (keyId: string) => string | undefined | Promise<string | undefined>
  readonly clock: Clock
  /** The door's cache of derived keys: one for its life. */
  readonly signingKeys: SigningKeys
  /** Only this region is taken; any well-formed one when absent. */
  readonly strictRegion?: string
  /** @default 's3' */
  readonly service?: string
}

/** Signed with in place of a secret that is not there, so that both cases cost the same. */
const nobodysSecret = '0'.repeat(64)

/** Added on the way by front proxies, so never signed. */
const proxyHeaders: ReadonlySet<string> = new Set(['x-amz-cf-id'])

/**
 * Proves who sent `request` and that nothing of it was changed.
 *
 * Reads no body byte. The body of the result verifies itself while it is read.
 *
 * @throws {AuthError} with S3's code for what is wrong
 * @throws {HttpError} for a target that cannot be read
 */
export async function verifyRequest(
  request: HttpRequest,
  context: VerifyContext,
): Promise<Verified> {
  const target = splitTarget(request.target)
  const query = parseQuery(target.query)
  const claim = readClaim(request, query, context)
  const signedNames = signedAmzNames(request.headers, claim)
  const view = claim.kind === 'presigned' ? hoistParameters(request.headers, query) : undefined
  const allHeaders = view?.headers ?? request.headers
  const declared = declaredPayload(allHeaders, claim)
  const mode = payloadModeOf(declared)
  const found = context.findSecret(claim.keyId)
  const secret = typeof found === 'object' ? await found : found
  const key = context.signingKeys.of(claim, secret ?? nobodysSecret)
  const right = checkSignature(request, key, { claim, path: target.path, query, declared })
  if (secret === undefined) {
    throw new AuthError(
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records. ' +
        'Those that do: hangar key list',
      { details: { AWSAccessKeyId: claim.keyId.slice(0, 128) } },
    )
  }
  if (!right.matches) throw mismatch(claim, right)
  context.signingKeys.keep(claim, secret, key)
  const headers = withoutAwsChunked(allHeaders)
  const amzNames = view === undefined ? signedNames : [...headers.keys()].filter(isAmzName)
  const checksum = readChecksumClaim(headers, amzNames, mode)
  return {
    kind: claim.kind,
    accessKeyId: claim.keyId as AccessKeyId,
    region: claim.scope.region,
    method: request.method,
    path: target.path,
    headers,
    query: view?.query ?? query,
    payload: mode,
    body: verifiedBody({ request, claim, key, mode, declared, headers, checksum }),
  }
}

function readClaim(request: HttpRequest, query: Query, context: VerifyContext): Claim {
  const authorization = request.headers.get('authorization')
  const presigned = query.size > 0 && isPresigned(query)
  const options = {
    rule: { service: context.service ?? 's3', strictRegion: context.strictRegion },
    nowMillis: Math.floor(context.clock.wallMicros() / 1000),
  }
  if (authorization !== undefined) {
    if (presigned || isPresignedV2(query)) {
      throw new AuthError(
        'InvalidArgument',
        'Cannot authenticate: only one auth mechanism is allowed, header and query were used',
        { details: { ArgumentName: 'Authorization' } },
      )
    }
    return readHeaderClaim(request, authorization, options)
  }
  if (presigned) return readPresignedClaim(query, options)
  if (isPresignedV2(query)) {
    throw new AuthError(
      'InvalidRequest',
      'Cannot use the authorization mechanism: it is version 2, wanted "AWS4-HMAC-SHA256". ' +
        'For aws-cli: aws configure set default.s3.signature_version s3v4',
    )
  }
  throw new AuthError('AccessDenied', 'Access denied: the request is not signed')
}

/** Names of the `x-amz-*` headers; each must be signed. */
function signedAmzNames(headers: ReadonlyMap<string, string>, claim: Claim): readonly string[] {
  const names: string[] = []
  for (const name of headers.keys()) {
    if (!isAmzName(name)) continue
    names.push(name)
    if (claim.signedHeaders.includes(name) || proxyHeaders.has(name)) continue
    throw new AuthError(
      'AccessDenied',
      `There were headers present which were not signed: ${name}`,
      {
        details: { HeadersNotSigned: name },
      },
    )
  }
  return names
}

function isAmzName(name: string): boolean {
  return name.startsWith('x-amz-')
}

function declaredPayload(headers: ReadonlyMap<string, string>, claim: Claim): string {
  const declared = headers.get('x-amz-content-sha256')
  if (declared !== undefined) return declared
  if (claim.kind === 'presigned') return 'UNSIGNED-PAYLOAD'
  throw new AuthError(
    'InvalidRequest',
    'Missing required header for this request: x-amz-content-sha256',
  )
}

interface Checked {
  readonly matches: boolean
  readonly canonical: string
  readonly toSign: string
}

/**
 * S3 signs the path encoded once and never normalised. Clients that sign the path just as they
 * send it, with other characters left bare, are taken as well: both name the same decoded path.
 */
function checkSignature(
  request: HttpRequest,
  key: KeyObject,
  facts: {
    readonly claim: Claim
    readonly path: string
    readonly query: Query
    readonly declared: string
  },
): Checked {
  const { claim } = facts
  const encoded = encodePath(decodePercent(facts.path))
  const query = canonicalQuery(
    facts.query,
    claim.kind === 'presigned' ? SIGNATURE_PARAMETER : undefined,
  )
  const check = (path: string): Checked => {
    const canonical = canonicalRequest({
      method: request.method,
      path,
      query,
      headers: request.headers,
      signedHeaders: claim.signedHeaders,
      payload: facts.declared,
    })
    const toSign = stringToSign(claim, canonical)
    return {
      matches: signaturesAreEqual(signHex(key, toSign), claim.signature),
      canonical,
      toSign,
    }
  }
  const first = check(encoded)
  if (first.matches || encoded === facts.path) return first
  const second = check(facts.path)
  return second.matches ? second : first
}

function mismatch(claim: Claim, checked: Checked): AuthError {
  return new AuthError(
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. ' +
      `Check your key and signing method. Its secret: hangar key info ${claim.keyId} --show-secret`,
    {
      details: {
        AWSAccessKeyId: claim.keyId,
        SignatureProvided: claim.signature,
        StringToSign: checked.toSign,
        CanonicalRequest: checked.canonical,
      },
    },
  )
}

/** `aws-chunked` says how a body travels, not what it is. The rest keeps its spelling. */
function withoutAwsChunked(headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const encoding = headers.get('content-encoding')
  if (encoding === undefined || !/aws-chunked/i.test(encoding)) return headers
  const kept = encoding
    .split(',')
    .filter((name) => !['', 'aws-chunked'].includes(name.trim().toLowerCase()))
  const view = new Map(headers)
  if (kept.length === 0) view.delete('content-encoding')
  else view.set('content-encoding', kept.join(',').trim())
  return view
}
