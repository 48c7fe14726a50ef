/** What the headers say of the body's digests, before the body is read. */

import { fromBase64 } from '../../base/bytes.ts'
import { AuthError } from './errors.ts'
import type { ChecksumAlgorithm, PayloadMode } from './verified.ts'

/** Sizes of the raw values. Source: S3 user guide, "Checking object integrity". */
const sizeBytes = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 } as const

const algorithms: ReadonlyMap<string, ChecksumAlgorithm> = new Map(
  (Object.keys(sizeBytes) as ChecksumAlgorithm[]).map((name) => [name.toLowerCase(), name]),
)

/** S3's newer algorithms, which are not kept here. */
const lacking: ReadonlySet<string> = new Set(['sha512', 'md5', 'xxhash64', 'xxhash3', 'xxhash128'])

/** Names under `x-amz-checksum-` that are no digests. */
const settings: ReadonlySet<string> = new Set(['algorithm', 'mode', 'type'])

const PREFIX = 'x-amz-checksum-'

/** The one checksum of a body: its value, or the trailer that will bring it. */
export interface ChecksumClaim {
  readonly algorithm: ChecksumAlgorithm
  /** Undefined when it comes as a trailer. */
  readonly value: Uint8Array | undefined
}

/**
 * Reads the checksum headers of a request, which must agree with one another.
 *
 * @throws {AuthError} `InvalidRequest`, `MalformedTrailerError`, `NotImplemented`
 */
export function readChecksumClaim(
  headers: ReadonlyMap<string, string>,
  amzNames: readonly string[],
  mode: PayloadMode,
): ChecksumClaim | undefined {
  let claim: ChecksumClaim | undefined
  for (const name of amzNames) {
    if (!name.startsWith(PREFIX) || settings.has(name.slice(PREFIX.length))) continue
    // Of an object made of parts (CompleteMultipartUpload), so of no body: the door reads it.
    if (/-\d+$/.test(headers.get(name) ?? '')) continue
    if (claim !== undefined) throw invalid('more than one checksum was given')
    const algorithm = algorithmOf(name)
    claim = { algorithm, value: readChecksum(algorithm, headers.get(name) ?? '') }
  }
  const trailer = readTrailerName(headers, mode)
  if (trailer !== undefined) {
    if (claim !== undefined) throw invalid('a checksum was given as a header and as a trailer')
    claim = { algorithm: trailer, value: undefined }
  }
  checkNamedAlgorithm(headers, claim)
  return claim
}

/** @throws {AuthError} `InvalidRequest` for a value that is not base64 of the right size */
export function readChecksum(algorithm: ChecksumAlgorithm, text: string): Uint8Array {
  const value = fromBase64(text)
  if (value === undefined || value.length !== sizeBytes[algorithm]) {
    throw invalid(`the value of ${PREFIX}${algorithm.toLowerCase()} is not a checksum`)
  }
  return value
}

/** @throws {AuthError} `InvalidDigest` */
export function readContentMd5(headers: ReadonlyMap<string, string>): Uint8Array | undefined {
  const text = headers.get('content-md5')
  if (text === undefined) return undefined
  const value = fromBase64(text)
  if (value?.length !== 16) {
    throw new AuthError('InvalidDigest', 'Cannot read Content-MD5: it is not base64 of 16 bytes')
  }
  return value
}

function readTrailerName(
  headers: ReadonlyMap<string, string>,
  mode: PayloadMode,
): ChecksumAlgorithm | undefined {
  const announced = headers.get('x-amz-trailer')
  const wanted = mode === 'streaming-signed-trailer' || mode === 'streaming-unsigned-trailer'
  if (announced === undefined) {
    if (!wanted) return undefined
    throw new AuthError(
      'MalformedTrailerError',
      'Cannot read the trailer: the payload has one, but x-amz-trailer does not announce it',
    )
  }
  if (!wanted) throw invalid('x-amz-trailer announces a trailer, but the payload has none')
  return algorithmOf(announced.trim().toLowerCase())
}

function algorithmOf(name: string): ChecksumAlgorithm {
  const short = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : ''
  const algorithm = algorithms.get(short)
  if (algorithm !== undefined) return algorithm
  if (lacking.has(short)) {
    throw new AuthError('NotImplemented', `Cannot verify the checksum: "${name}" is not supported`)
  }
  throw invalid(`"${name}" is not a checksum`)
}

/** `x-amz-sdk-checksum-algorithm` promises a checksum; both names must be that one's. */
function checkNamedAlgorithm(
  headers: ReadonlyMap<string, string>,
  claim: ChecksumClaim | undefined,
): void {
  for (const name of ['x-amz-sdk-checksum-algorithm', 'x-amz-checksum-algorithm']) {
    const text = headers.get(name)
    if (text === undefined) continue
    const algorithm = algorithmOf(PREFIX + text.toLowerCase())
    if (claim === undefined && name === 'x-amz-checksum-algorithm') continue
    if (claim === undefined) throw invalid(`${name} was given, but no checksum and no trailer`)
    if (claim.algorithm !== algorithm) {
      throw invalid(`${name} is "${text}", but the checksum is ${claim.algorithm}`)
    }
  }
}

function invalid(what: string): AuthError {
  return new AuthError('InvalidRequest', `Cannot verify the checksum: ${what}`)
}
