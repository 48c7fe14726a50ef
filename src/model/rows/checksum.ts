/** The words for S3's additional checksums, and their codes in rows. */

// Source: S3 user guide, "Checking object integrity", and API reference, ChecksumAlgorithm,
// ChecksumType.
export const checksumAlgorithms = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number]

/** `COMPOSITE`: over the checksums of the parts. `FULL_OBJECT`: over the bytes. */
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT'

export interface ChecksumKind {
  readonly algorithm: ChecksumAlgorithm
  readonly type: ChecksumType
}

export interface Checksum extends ChecksumKind {
  /** Base64; a composite one ends with `-` and the count of parts. */
  readonly value: string
}

/** 0 for none, else a small number that stands for algorithm and type in rows. */
export function checksumCode(kind: ChecksumKind | undefined): number {
  if (kind === undefined) return 0
  const index = checksumAlgorithms.indexOf(kind.algorithm)
  return (index + 1) * 2 + (kind.type === 'FULL_OBJECT' ? 1 : 0)
}

/** @throws {TypeError} when `code` is not what `checksumCode` makes */
export function checksumKindOf(code: number): ChecksumKind | undefined {
  if (code === 0) return undefined
  const algorithm = checksumAlgorithms[(code >> 1) - 1]
  if (algorithm === undefined) throw new TypeError(`Cannot read a checksum: its code is ${code}`)
  return { algorithm, type: (code & 1) === 1 ? 'FULL_OBJECT' : 'COMPOSITE' }
}

export type StoredChecksum = readonly [code: number, value: string] | 0

export function encodeChecksum(checksum: Checksum | undefined): StoredChecksum {
  return checksum === undefined ? 0 : [checksumCode(checksum), checksum.value]
}

export function decodeChecksum(stored: StoredChecksum): Checksum | undefined {
  if (stored === 0) return undefined
  const kind = checksumKindOf(stored[0])
  return kind === undefined ? undefined : { value: stored[1], ...kind }
}
