/** S3's checksums: of a body, of parts together, and the CRC of bytes joined. */

import { base64Of, concatBytes, fromBase64 } from '../../base/bytes.ts'
import type { Compute, DigestKind } from '../../base/compute.ts'
import type { Checksum, ChecksumAlgorithm, ChecksumKind } from '../../model/rows/checksum.ts'

export const digestKinds: Readonly<Record<ChecksumAlgorithm, DigestKind>> = {
  CRC32: 'crc32',
  CRC32C: 'crc32c',
  CRC64NVME: 'crc64nvme',
  SHA1: 'sha1',
  SHA256: 'sha256',
}

export const checksumSizeBytes: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
}

/**
 * Reflected polynomials: what a byte-wise CRC that shifts right uses.
 *
 * Source: RFC 3385 (CRC32C), ISO 3309 (CRC32), NVM Express specification (CRC64NVME).
 */
const polynomials: Readonly<Partial<Record<ChecksumAlgorithm, bigint>>> = {
  CRC32: 0xedb88320n,
  CRC32C: 0x82f63b78n,
  CRC64NVME: 0x9a6c9329ac4bc9b5n,
}

/**
 * The type that goes with an algorithm when none was asked for.
 *
 * Source: S3 API reference, CreateMultipartUpload, `x-amz-checksum-type`.
 */
export function defaultChecksumKind(algorithm: ChecksumAlgorithm): ChecksumKind {
  return { algorithm, type: algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE' }
}

/** Whether S3 knows the pair: SHA digests cannot be joined, CRC64NVME is never composite. */
export function isChecksumKindAllowed({ algorithm, type }: ChecksumKind): boolean {
  if (type === 'FULL_OBJECT') return polynomials[algorithm] !== undefined
  return algorithm !== 'CRC64NVME'
}

/** A part that goes into the checksum of the whole. */
export interface SummedPart {
  readonly size: number
  /** Base64, of the bytes of the part. */
  readonly value: string
}

/**
 * The checksum of an object from those of its parts, in order; at least one.
 *
 * Cost: one step of some 5 µs a part, and one of 0.3 ms for each size that occurs.
 */
export async function joinChecksums(
  compute: Compute,
  kind: ChecksumKind,
  parts: readonly SummedPart[],
): Promise<Checksum> {
  const values = parts.map((part) => fromBase64(part.value) ?? new Uint8Array(0))
  if (kind.type === 'COMPOSITE') {
    const digestKind = digestKinds[kind.algorithm]
    const stream = compute.digest([digestKind])
    await stream.update(concatBytes(...values))
    const digest = (await stream.finish())[digestKind]!
    return { ...kind, value: `${base64Of(digest)}-${parts.length}` }
  }
  const joiner = new CrcJoiner(kind.algorithm)
  let sum = values[0]!
  for (let index = 1; index < parts.length; index += 1) {
    sum = joiner.join(sum, values[index]!, parts[index]!.size)
  }
  return { ...kind, value: base64Of(sum) }
}

/**
 * Joins CRCs: from those of A and B and the size of B that of A followed by B.
 *
 * A CRC is a remainder of polynomials over GF(2), so appending n zero bytes to A multiplies its
 * remainder by x^(8n). Source: M. Adler, `crc32_combine` of zlib 1.2.12.
 */
export class CrcJoiner {
  readonly #polynomial: bigint
  readonly #width: number
  readonly #top: bigint
  /** x^(8n) by n. */
  readonly #shifts = new Map<number, bigint>()

  /** @param algorithm one of the CRCs */
  constructor(algorithm: ChecksumAlgorithm) {
    const polynomial = polynomials[algorithm]
    if (polynomial === undefined) throw new TypeError(`Cannot join checksums of "${algorithm}"`)
    this.#polynomial = polynomial
    this.#width = checksumSizeBytes[algorithm] * 8
    this.#top = 1n << BigInt(this.#width - 1)
  }

  join(a: Uint8Array, b: Uint8Array, sizeOfB: number): Uint8Array {
    const sum = this.#multiply(this.#shift(sizeOfB), numberOf(a)) ^ numberOf(b)
    return Buffer.from(sum.toString(16).padStart(this.#width / 4, '0'), 'hex')
  }

  #shift(size: number): bigint {
    const known = this.#shifts.get(size)
    if (known !== undefined) return known
    let result = this.#top
    let square = this.#top >> 1n
    for (let bits = BigInt(size) * 8n; bits > 0n; bits >>= 1n) {
      if ((bits & 1n) === 1n) result = this.#multiply(square, result)
      square = this.#multiply(square, square)
    }
    if (this.#shifts.size < 1000) this.#shifts.set(size, result)
    return result
  }

  /** The product modulo the polynomial; the highest bit stands for x^0. */
  #multiply(a: bigint, b: bigint): bigint {
    let product = 0n
    let factor = b
    for (let bit = this.#top; bit > 0n; bit >>= 1n) {
      if ((a & bit) !== 0n) product ^= factor
      factor = (factor & 1n) === 1n ? (factor >> 1n) ^ this.#polynomial : factor >> 1n
    }
    return product
  }
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt('0x' + Buffer.from(bytes).toString('hex'))
}
