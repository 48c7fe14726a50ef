/** How a payload is bound to its signature, and the body that proves it while it is read. */

import type { KeyObject } from 'node:crypto'
import { fromHex } from '../../base/bytes.ts'
import { hasBody, type HttpRequest } from '../http/request.ts'
import { AwsChunkedDecoder, decodeAwsChunked } from './aws-chunked.ts'
import { type ChecksumClaim, readChecksum, readContentMd5 } from './checksum-claim.ts'
import type { Claim } from './claim.ts'
import { AuthError } from './errors.ts'
import { SignatureChain } from './streaming-signature.ts'
import type { Expectations, PayloadMode, VerifiedBody } from './verified.ts'

const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const hexSha256 = /^[0-9a-fA-F]{64}$/

/**
 * The mode that `x-amz-content-sha256` names.
 *
 * @throws {AuthError} `InvalidArgument` for anything that is not known
 */
export function payloadModeOf(value: string): PayloadMode {
  switch (value) {
    case 'UNSIGNED-PAYLOAD':
      return 'unsigned'
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return 'streaming-signed'
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return 'streaming-signed-trailer'
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return 'streaming-unsigned-trailer'
    default:
      if (hexSha256.test(value)) return 'hashed'
      throw new AuthError(
        'InvalidArgument',
        'Cannot read x-amz-content-sha256: it is neither UNSIGNED-PAYLOAD, a known STREAMING- ' +
          'name nor a hex SHA-256',
        { details: { ArgumentName: 'x-amz-content-sha256', ArgumentValue: value.slice(0, 100) } },
      )
  }
}

export function isStreaming(mode: PayloadMode): boolean {
  return mode.startsWith('streaming-')
}

/** All that a body is made from, once its request's signature was found right. */
export interface PayloadSource {
  readonly request: HttpRequest
  readonly claim: Claim
  readonly key: KeyObject
  readonly mode: PayloadMode
  /** Value of `x-amz-content-sha256`. */
  readonly declared: string
  readonly headers: ReadonlyMap<string, string>
  readonly checksum: ChecksumClaim | undefined
}

/** @throws {AuthError} for lengths and hashes that cannot be right */
export function verifiedBody(source: PayloadSource): VerifiedBody {
  const md5 = readContentMd5(source.headers)
  return isStreaming(source.mode) ? streamingBody(source, md5) : wholeBody(source, md5)
}

function wholeBody(source: PayloadSource, md5: Uint8Array | undefined): VerifiedBody {
  const { request, checksum } = source
  const decodedLength = source.headers.get('x-amz-decoded-content-length')
  if (decodedLength !== undefined && decodedLength !== String(request.bodyLength)) {
    throw new AuthError(
      'IncompleteBody',
      `Cannot accept the payload: it has ${request.bodyLength ?? 'no'} bytes, ` +
        'and x-amz-decoded-content-length says otherwise',
    )
  }
  const hashed = source.mode === 'hashed'
  if (hashed && !hasBody(request) && source.declared.toLowerCase() !== emptySha256) {
    throw new AuthError(
      'XAmzContentSHA256Mismatch',
      'Cannot accept the payload: x-amz-content-sha256 is not that of an empty body',
      {
        details: {
          ClientComputedContentSHA256: source.declared,
          S3ComputedContentSHA256: emptySha256,
        },
      },
    )
  }
  const payloadSha256 = hashed ? fromHex(source.declared) : undefined
  const expectations: Expectations = {
    ...(md5 === undefined ? {} : { md5 }),
    ...(payloadSha256 === undefined ? {} : { payloadSha256 }),
    ...(checksum?.value === undefined
      ? {}
      : { checksum: { algorithm: checksum.algorithm, value: checksum.value } }),
  }
  return {
    pieces: request.body,
    ...(request.bodyLength === undefined ? {} : { length: request.bodyLength }),
    expect: () => expectations,
    ...(checksum === undefined ? {} : { checksumWanted: checksum.algorithm }),
    sha256Wanted: hashed,
  }
}

function streamingBody(source: PayloadSource, md5: Uint8Array | undefined): VerifiedBody {
  const { request, checksum } = source
  const length = readDecodedLength(source.headers)
  const trailer = checksum !== undefined && checksum.value === undefined
  const decoder = new AwsChunkedDecoder({
    decodedLength: length,
    ...(trailer ? { trailerName: `x-amz-checksum-${checksum.algorithm.toLowerCase()}` } : {}),
    ...(source.mode === 'streaming-unsigned-trailer'
      ? {}
      : { chain: new SignatureChain(source.key, source.claim) }),
  })
  let value = checksum?.value
  const finish = (): void => {
    if (trailer) value = readChecksum(checksum.algorithm, decoder.trailerValue ?? '')
  }
  return {
    pieces: decodeAwsChunked(request.body, decoder, finish),
    length,
    expect: () => ({
      ...(md5 === undefined ? {} : { md5 }),
      ...(checksum === undefined || value === undefined
        ? {}
        : { checksum: { algorithm: checksum.algorithm, value } }),
    }),
    ...(checksum === undefined ? {} : { checksumWanted: checksum.algorithm }),
    sha256Wanted: false,
  }
}

function readDecodedLength(headers: ReadonlyMap<string, string>): number {
  const text = headers.get('x-amz-decoded-content-length')
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw new AuthError(
      'MissingContentLength',
      `Cannot read the payload: x-amz-decoded-content-length is "${text ?? ''}", wanted a number`,
    )
  }
  return Number(text)
}
