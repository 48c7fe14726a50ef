/** The bytes that a client sends, and the check that they are what it meant. */

import { base64Of, equalBytes, hexOf } from '../../base/bytes.ts'
import type { DigestKind, Digests } from '../../base/compute.ts'
import type { Checksum, ChecksumAlgorithm } from '../../model/rows/checksum.ts'
import { digestKinds } from './checksum.ts'
import { StoreError } from '../errors.ts'

/** What the client said that the digests of its bytes are. */
export interface Expectations {
  /** Of `Content-MD5`. */
  readonly md5?: Uint8Array | undefined
  /** Of the signature. */
  readonly payloadSha256?: Uint8Array | undefined
  readonly checksum?:
    { readonly algorithm: ChecksumAlgorithm; readonly value: Uint8Array } | undefined
}

export interface Body {
  /** A piece is valid until the next one is asked for. */
  readonly pieces: AsyncIterable<Uint8Array>
  /** Of the pieces together, when it is known beforehand. */
  readonly length?: number | undefined
  /** Asked after the last piece: what came in trailers is known then. */
  expect(): Expectations
  /** Computed and kept with the object, whether or not a value is expected. */
  readonly checksumWanted?: ChecksumAlgorithm | undefined
  readonly sha256Wanted?: boolean | undefined
}

/** The digests that a body needs: always MD5, which is the ETag. */
export function digestsOf(body: Body): readonly DigestKind[] {
  const { checksumWanted, sha256Wanted } = body
  if (checksumWanted === undefined && sha256Wanted !== true) return onlyMd5
  const kinds = new Set<DigestKind>(onlyMd5)
  if (checksumWanted !== undefined) kinds.add(digestKinds[checksumWanted])
  if (sha256Wanted === true) kinds.add('sha256')
  return [...kinds]
}

const onlyMd5: readonly DigestKind[] = ['md5']

/**
 * Compares what arrived with what was meant.
 *
 * @returns ETag and checksum (of the whole bytes) of what arrived
 * @throws {StoreError} `IncompleteBody`, `BadDigest`, `PayloadHashMismatch`, `InvalidChecksum`
 */
export function verifyBody(
  body: Body,
  size: number,
  digests: Digests,
): { readonly etag: string; readonly checksum: Checksum | undefined } {
  if (body.length !== undefined && body.length !== size) {
    throw new StoreError(
      'IncompleteBody',
      `Cannot take the body: it has ${size} bytes, wanted ${body.length}`,
    )
  }
  const expected = body.expect()
  const md5 = digests.md5!
  if (expected.md5 !== undefined && !equalBytes(expected.md5, md5)) {
    throw mismatch('BadDigest', 'MD5', md5, expected.md5)
  }
  const sha256 = expected.payloadSha256
  if (sha256 !== undefined && !(digests.sha256 && equalBytes(sha256, digests.sha256))) {
    throw mismatch('PayloadHashMismatch', 'SHA-256', digests.sha256, sha256)
  }
  verifyChecksum(body, expected, digests)
  const algorithm = body.checksumWanted
  return {
    etag: hexOf(md5),
    checksum:
      algorithm === undefined
        ? undefined
        : {
            algorithm,
            type: 'FULL_OBJECT',
            value: base64Of(digests[digestKinds[algorithm]]!),
          },
  }
}

function verifyChecksum(body: Body, expected: Expectations, digests: Digests): void {
  const { checksum } = expected
  if (checksum === undefined) return
  const computed = digests[digestKinds[checksum.algorithm]]
  if (computed === undefined) {
    throw new StoreError(
      'InvalidChecksum',
      `Cannot verify the body: a ${checksum.algorithm} came, ` +
        `wanted ${body.checksumWanted ?? 'none'}`,
    )
  }
  if (!equalBytes(checksum.value, computed)) {
    throw mismatch('BadDigest', checksum.algorithm, computed, checksum.value)
  }
}

function mismatch(
  code: 'BadDigest' | 'PayloadHashMismatch',
  name: string,
  computed: Uint8Array | undefined,
  expected: Uint8Array,
): StoreError {
  const is = computed === undefined ? 'unknown' : hexOf(computed)
  return new StoreError(
    code,
    `Cannot take the body: its ${name} is ${is}, wanted ${hexOf(expected)}`,
    { details: { digest: name } },
  )
}
