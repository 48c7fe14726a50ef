/** Bodies that are made from a few numbers, so that a test keeps the numbers and not the bytes. */

import { createCipheriv } from 'node:crypto'

const MIB = 1024 * 1024
const ZEROS = Buffer.alloc(MIB)

/** What a body is made of: equal contents have equal bytes, different seeds share no block. */
export interface Content {
  readonly seed: number
  readonly size: number
}

/** The bytes of a content: a stream cipher over zeros, some GB/s. */
export function bytesOf(content: Content): Buffer {
  const key = Buffer.alloc(16)
  key.writeDoubleLE(content.seed)
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  if (content.size <= MIB) return cipher.update(ZEROS.subarray(0, content.size))
  const out = Buffer.allocUnsafe(content.size)
  for (let at = 0; at < content.size; at += MIB) {
    cipher.update(ZEROS.subarray(0, Math.min(MIB, content.size - at))).copy(out, at)
  }
  return out
}

/** The bytes of several contents one after another, as a completed upload has them. */
export function joinedBytesOf(contents: readonly Content[]): Buffer {
  const [only] = contents
  if (contents.length === 1 && only !== undefined) return bytesOf(only)
  return Buffer.concat(contents.map(bytesOf))
}

export function sizeOf(contents: readonly Content[]): number {
  let size = 0
  for (const content of contents) size += content.size
  return size
}

const STAMP_STEP = 64 * 1024

/**
 * A long body whose blocks differ: one random block, stamped in each 64 KiB with the stream's
 * number and the block's. Costs one copy.
 */
export class StampedStream {
  readonly #template: Buffer
  readonly #stream: number

  constructor(stream: number) {
    this.#stream = stream
    this.#template = bytesOf({ seed: stream + 0.5, size: MIB })
  }

  /** Block `index` (1 MiB) of the stream, owned by the caller. */
  block(index: number): Buffer {
    const out = Buffer.allocUnsafe(MIB)
    this.#template.copy(out)
    this.#stamp(out, index)
    return out
  }

  /** Whether `piece`, which begins at byte `at` of the stream, is what the stream holds there. */
  matches(piece: Buffer, at: number): boolean {
    let from = 0
    while (from < piece.length) {
      const index = Math.floor((at + from) / MIB)
      const start = (at + from) % MIB
      const length = Math.min(piece.length - from, MIB - start)
      this.#stamp(this.#template, index)
      if (piece.compare(this.#template, start, start + length, from, from + length) !== 0) {
        return false
      }
      from += length
    }
    return true
  }

  #stamp(block: Buffer, index: number): void {
    for (let at = 0; at < MIB; at += STAMP_STEP) {
      block.writeUInt32LE(this.#stream, at)
      block.writeUInt32LE(index, at + 4)
    }
  }
}
