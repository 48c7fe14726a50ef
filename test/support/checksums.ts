/** The five checksums of S3, written apart from the product's so that each checks the other. */

import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

export type Algorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256'

export const ALGORITHMS: readonly Algorithm[] = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256']

/** Reflected polynomials: Castagnoli (RFC 3720) and the one of NVM Express. */
const CASTAGNOLI = 0x82f63b78
const NVME = 0x9a6c9329ac4bc9b5n

const castagnoliTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? CASTAGNOLI : 0)
  return value >>> 0
})

/** Two halves of 32 bits: the arithmetic of big integers is too slow for a body. */
const nvmeHigh = new Uint32Array(256)
const nvmeLow = new Uint32Array(256)
for (let byte = 0; byte < 256; byte += 1) {
  let value = BigInt(byte)
  for (let bit = 0; bit < 8; bit += 1) value = (value >> 1n) ^ (value & 1n ? NVME : 0n)
  nvmeHigh[byte] = Number(value >> 32n)
  nvmeLow[byte] = Number(value & 0xffffffffn)
}

function crc32c(data: Buffer): Buffer {
  let value = 0xffffffff
  for (const byte of data) {
    value = (value >>> 8) ^ (castagnoliTable[(value ^ byte) & 0xff] ?? 0)
  }
  return wordBytes((value ^ 0xffffffff) >>> 0)
}

function crc64nvme(data: Buffer): Buffer {
  let high = 0xffffffff
  let low = 0xffffffff
  for (const byte of data) {
    const at = (low ^ byte) & 0xff
    low = ((low >>> 8) | (high << 24)) ^ (nvmeLow[at] ?? 0)
    high = (high >>> 8) ^ (nvmeHigh[at] ?? 0)
  }
  return Buffer.concat([wordBytes(~high >>> 0), wordBytes(~low >>> 0)])
}

function wordBytes(value: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32BE(value)
  return out
}

/** The checksum of `data` as S3 writes it: base64 of the value, big-endian. */
export function checksumOf(algorithm: Algorithm, data: Buffer): string {
  return digestOf(algorithm, data).toString('base64')
}

function digestOf(algorithm: Algorithm, data: Buffer): Buffer {
  switch (algorithm) {
    case 'CRC32':
      return wordBytes(crc32(data))
    case 'CRC32C':
      return crc32c(data)
    case 'CRC64NVME':
      return crc64nvme(data)
    case 'SHA1':
      return createHash('sha1').update(data).digest()
    case 'SHA256':
      return createHash('sha256').update(data).digest()
  }
}

/**
 * The checksum of the checksums of an upload's parts, with their count behind it.
 * Source: S3 user guide, "Checking object integrity", composite checksums.
 */
export function compositeOf(algorithm: Algorithm, parts: readonly string[]): string {
  const joined = Buffer.concat(parts.map((part) => Buffer.from(part, 'base64')))
  return `${checksumOf(algorithm, joined)}-${parts.length}`
}

export function headerOf(algorithm: Algorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`
}

export function md5Hex(data: Buffer): string {
  return createHash('md5').update(data).digest('hex')
}

/** The ETag of a completed upload, without quotes. */
export function etagOfParts(etags: readonly string[]): string {
  return `${md5Hex(Buffer.concat(etags.map((etag) => Buffer.from(etag, 'hex'))))}-${etags.length}`
}
