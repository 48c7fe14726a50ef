/** Running digests of one body, where they stand: used by this thread and by the hash threads. */

import { createHash, type Hash } from 'node:crypto'
import { crc32, crc32c } from '@node-rs/crc32'
import type { IHasher } from 'hash-wasm'
import type { DigestKind, Digests } from '../../base/compute.ts'

/**
 * CRC-64/NVME's polynomial, reflected. Source: NVM Express NVM Command Set 1.0, 5.2.1.3.4; check
 * value ae8b14860a799888.
 */
const CRC64_NVME_POLYNOMIAL = '9a6c9329ac4bc9b5'
/** Idle WebAssembly instances that are kept: each holds some memory of its own. */
const IDLE_HASHERS_MAX = 16

const idleHashers: IHasher[] = []

function readyCrc64(): IHasher | Promise<IHasher> {
  return idleHashers.pop() ?? newCrc64()
}

/** What makes them is large, and loaded by the first that is asked for. */
async function newCrc64(): Promise<IHasher> {
  const { createCRC64 } = await import('hash-wasm')
  return createCRC64(CRC64_NVME_POLYNOMIAL)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** Digests fed in order. Every method but `make` returns at once. */
export class RunningDigests {
  readonly #kinds: ReadonlySet<DigestKind>
  readonly #hashes = new Map<DigestKind, Hash>()
  #crc32 = 0
  #crc32c = 0
  #crc64: IHasher | undefined

  private constructor(kinds: readonly DigestKind[], crc64: IHasher | undefined) {
    this.#kinds = new Set(kinds)
    this.#crc64 = crc64?.init()
    for (const kind of ['md5', 'sha1', 'sha256'] as const) {
      if (this.#kinds.has(kind)) this.#hashes.set(kind, createHash(kind))
    }
  }

  /** A promise only when a WebAssembly instance must be made first. */
  static make(kinds: readonly DigestKind[]): RunningDigests | Promise<RunningDigests> {
    if (!kinds.includes('crc64nvme')) return new RunningDigests(kinds, undefined)
    const hasher = readyCrc64()
    if (!(hasher instanceof Promise)) return new RunningDigests(kinds, hasher)
    return hasher.then((ready) => new RunningDigests(kinds, ready))
  }

  update(piece: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(piece)
    if (this.#kinds.has('crc32')) this.#crc32 = crc32(asBuffer(piece), this.#crc32)
    if (this.#kinds.has('crc32c')) this.#crc32c = crc32c(asBuffer(piece), this.#crc32c)
    this.#crc64?.update(piece)
  }

  finish(): Digests {
    const digests: Digests = {}
    for (const [kind, hash] of this.#hashes) digests[kind] = hash.digest()
    if (this.#kinds.has('crc32')) digests.crc32 = bigEndian(this.#crc32)
    if (this.#kinds.has('crc32c')) digests.crc32c = bigEndian(this.#crc32c)
    if (this.#crc64 !== undefined) digests.crc64nvme = this.#crc64.digest('binary').slice()
    this.discard()
    return digests
  }

  /** Gives the instance back; safe to call again. */
  discard(): void {
    const hasher = this.#crc64
    this.#crc64 = undefined
    if (hasher !== undefined && idleHashers.length < IDLE_HASHERS_MAX) idleHashers.push(hasher)
  }
}
