/** S3's names for checksums: headers, elements, words. */

import { checksumAlgorithms } from '../../model/rows/checksum.ts'
import type {
  Checksum,
  ChecksumAlgorithm,
  ChecksumKind,
  ChecksumType,
} from '../../model/rows/checksum.ts'
import { S3Error } from './errors.ts'
import { element } from './xml-text.ts'

export const CHECKSUM_ALGORITHMS = checksumAlgorithms

const headerNames: Readonly<Record<ChecksumAlgorithm, string>> = {
  CRC32: 'x-amz-checksum-crc32',
  CRC32C: 'x-amz-checksum-crc32c',
  CRC64NVME: 'x-amz-checksum-crc64nvme',
  SHA1: 'x-amz-checksum-sha1',
  SHA256: 'x-amz-checksum-sha256',
}

/** The headers that say the digest of the body that comes with them, and which it is. */
export const AMZ_CHECKSUM_HEADERS: ReadonlySet<string> = new Set([
  ...Object.values(headerNames),
  'x-amz-sdk-checksum-algorithm',
])

export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return headerNames[algorithm]
}

/** The value's header; with its type where S3 sends it. */
export function checksumHeaders(checksum: Checksum | undefined): [string, string][] {
  if (checksum === undefined) return []
  return [
    [headerNames[checksum.algorithm], checksum.value],
    ['x-amz-checksum-type', checksum.type],
  ]
}

/** The value's header alone: parts have no type. */
export function checksumValueHeader(
  checksum: Pick<Checksum, 'algorithm' | 'value'> | undefined,
): [string, string][] {
  return checksum === undefined ? [] : [[headerNames[checksum.algorithm], checksum.value]]
}

/** What an upload says of the checksum that its object will have. */
export function uploadChecksumHeaders(kind: ChecksumKind | undefined): [string, string][] {
  if (kind === undefined) return []
  return [
    ['x-amz-checksum-algorithm', kind.algorithm],
    ['x-amz-checksum-type', kind.type],
  ]
}

/** Types that each algorithm can have; the first is the default. */
const types: Readonly<Record<ChecksumAlgorithm, readonly ChecksumType[]>> = {
  CRC32: ['COMPOSITE', 'FULL_OBJECT'],
  CRC32C: ['COMPOSITE', 'FULL_OBJECT'],
  CRC64NVME: ['FULL_OBJECT'],
  SHA1: ['COMPOSITE'],
  SHA256: ['COMPOSITE'],
}

/**
 * The kind of checksum that an upload asks for.
 * Source: S3 user guide, "Checking object integrity", checksums of multipart uploads.
 *
 * @throws {S3Error} `InvalidRequest` for a pair that S3 does not have
 */
export function checkedChecksumType(
  algorithm: ChecksumAlgorithm | undefined,
  type: ChecksumType | undefined,
): ChecksumKind | undefined {
  if (algorithm === undefined) {
    if (type === undefined) return undefined
    throw new S3Error(
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    )
  }
  if (type !== undefined && !types[algorithm].includes(type)) {
    throw new S3Error(
      'InvalidRequest',
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    )
  }
  return { algorithm, type: type ?? types[algorithm][0]! }
}

/** @throws {S3Error} `InvalidRequest` for an algorithm that S3 does not have */
export function supportedAlgorithm(value: string | undefined): ChecksumAlgorithm | undefined {
  if (value === undefined || value === '') return undefined
  const algorithm = CHECKSUM_ALGORITHMS.find((one) => one === value)
  if (algorithm !== undefined) return algorithm
  throw new S3Error(
    'InvalidRequest',
    `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${CHECKSUM_ALGORITHMS.join(', ')}]`,
  )
}

/** `<ChecksumCRC32>…</ChecksumCRC32>`. */
export function checksumElement(
  checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined,
): string {
  return checksum === undefined ? '' : element(`Checksum${checksum.algorithm}`, checksum.value)
}

const digestSizes: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
}

/**
 * Refuses a value that cannot be a digest of its algorithm; a composite one may end in `-N`.
 *
 * @throws {S3Error} `InvalidRequest`
 */
export function checkedChecksum(algorithm: ChecksumAlgorithm, value: string): string {
  const bare = value.replace(/-\d{1,5}$/, '')
  const bytes = Buffer.from(bare, 'base64')
  if (bytes.length !== digestSizes[algorithm] || bytes.toString('base64') !== bare) {
    throw new S3Error('InvalidRequest', `Value for ${headerNames[algorithm]} header is invalid.`)
  }
  return value
}
