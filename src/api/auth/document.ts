/** Verified bodies that are read whole. */

import { equalBytes } from '../../base/bytes.ts'
import type { Compute, DigestKind } from '../../base/compute.ts'
import { readWhole } from '../http/document.ts'
import { AuthError } from './errors.ts'
import type { ChecksumAlgorithm, VerifiedBody } from './verified.ts'

const kindOf = {
  CRC32: 'crc32',
  CRC32C: 'crc32c',
  CRC64NVME: 'crc64nvme',
  SHA1: 'sha1',
  SHA256: 'sha256',
} as const satisfies Record<ChecksumAlgorithm, DigestKind>

export interface DocumentOptions {
  readonly sizeBytesMax: number
  readonly compute: Compute
  /**
   * Whether `x-amz-checksum-*` is of this body. CompleteMultipartUpload's is of the object.
   * @default true
   */
  readonly checksumIsOfBody?: boolean
}

/**
 * The bytes of a body, found to be those that the client named by MD5, SHA-256 and checksum.
 *
 * @throws {AuthError} `BadDigest`, `XAmzContentSHA256Mismatch`, and what the body throws
 * @throws {HttpError} `MaxMessageLengthExceeded`
 */
export async function readDocument(
  body: VerifiedBody,
  options: DocumentOptions,
): Promise<Uint8Array> {
  const bytes = await readWhole(body.pieces, options.sizeBytesMax)
  const { md5, payloadSha256, checksum } = body.expect()
  const wanted: [DigestKind, Uint8Array, 'BadDigest' | 'XAmzContentSHA256Mismatch'][] = []
  if (md5 !== undefined) wanted.push(['md5', md5, 'BadDigest'])
  if (checksum !== undefined && options.checksumIsOfBody !== false) {
    wanted.push([kindOf[checksum.algorithm], checksum.value, 'BadDigest'])
  }
  if (payloadSha256 !== undefined) {
    wanted.push(['sha256', payloadSha256, 'XAmzContentSHA256Mismatch'])
  }
  if (wanted.length === 0) return bytes
  const stream = options.compute.digest([...new Set(wanted.map(([kind]) => kind))])
  await stream.update(bytes)
  const digests = await stream.finish()
  for (const [kind, value, code] of wanted) {
    const computed = digests[kind]
    if (computed === undefined || !equalBytes(computed, value)) {
      throw new AuthError(code, `Cannot accept the document: its ${kind} is another than given`)
    }
  }
  return bytes
}
