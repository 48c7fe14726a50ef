/** Bodies of which no two blocks are alike, whatever size the server cuts them to. */

import { createHash } from 'node:crypto'
import { RunningDigests } from '../../src/node/system/digests.ts'
import { sha256, type Signer } from './sign.ts'

const MIB = 1024 * 1024
export const BLOCK_BYTES = MIB
/** Of aws-chunked, as SDKs send them. */
export const CHUNK_BYTES = 65_536
/** Bodies that are signed have stamps apart from those that connections make. */
const FIRST_STAMP = 2 ** 52

/** Makes a block of bytes of chance another one: a number in each 64 KiB. */
export function stamp(block: Buffer, number: number, size: number): void {
  for (let at = 0; at + 8 <= size; at += CHUNK_BYTES) block.writeDoubleLE(number, at)
}

/** A body whose bytes are known before it is sent: those that connections make from its stamp. */
interface KnownBody {
  readonly stamp: number
  readonly bytes: number
}

/** Who signs the chunks, and whether a trailer tells a checksum. */
export type ChunkMode = 'signed' | 'signed-trailer' | 'unsigned-trailer'

export const CRC64_TRAILER = 'x-amz-checksum-crc64nvme'

/** Known bodies over the block that connections send. */
export class Bodies {
  readonly #block: Buffer
  #next = FIRST_STAMP

  constructor(template: Buffer) {
    this.#block = Buffer.from(template)
  }

  make(bytes: number): KnownBody {
    const body = { stamp: this.#next, bytes }
    this.#next += Math.ceil(bytes / BLOCK_BYTES)
    return body
  }

  sha256(body: KnownBody): string {
    const hash = createHash('sha256')
    for (const block of this.#blocks(body)) hash.update(block)
    return hash.digest('hex')
  }

  /**
   * What stands before each chunk of a body, and last what stands after all.
   *
   * @param seed the signature of the headers
   */
  async frames(
    body: KnownBody,
    mode: ChunkMode,
    { signer, seed }: { readonly signer: Signer; readonly seed: string },
  ): Promise<readonly Buffer[]> {
    const frames: string[] = []
    const crc = await RunningDigests.make(mode === 'signed' ? [] : ['crc64nvme'])
    let last = mode === 'unsigned-trailer' ? undefined : seed
    const add = (chunk: Buffer): void => {
      if (last !== undefined) last = signer.chunk(last, sha256(chunk))
      frames.push(chunkHead(chunk.length, last, frames.length === 0))
    }
    for (const block of this.#blocks(body)) {
      crc.update(block)
      for (let at = 0; at < block.length; at += CHUNK_BYTES) {
        add(block.subarray(at, at + CHUNK_BYTES))
      }
    }
    add(Buffer.alloc(0))
    const { crc64nvme } = crc.finish()
    if (crc64nvme !== undefined) {
      const value = Buffer.from(crc64nvme).toString('base64')
      const signature = last && signer.trailer(last, CRC64_TRAILER, value)
      frames.push((frames.pop() ?? '') + trailerOf(value, signature))
    }
    frames.push(`${frames.pop() ?? ''}\r\n`)
    return frames.map((frame) => Buffer.from(frame))
  }

  /** One buffer, stamped anew for each block. */
  *#blocks({ stamp: first, bytes }: KnownBody): Generator<Buffer> {
    for (let at = 0, number = first; at < bytes; at += BLOCK_BYTES, number += 1) {
      const size = Math.min(BLOCK_BYTES, bytes - at)
      stamp(this.#block, number, size)
      yield this.#block.subarray(0, size)
    }
  }
}

function chunkHead(size: number, signature: string | undefined, isFirst: boolean): string {
  const signed = signature === undefined ? '' : `;chunk-signature=${signature}`
  return `${isFirst ? '' : '\r\n'}${size.toString(16)}${signed}\r\n`
}

function trailerOf(value: string, signature: string | undefined): string {
  const signed = signature === undefined ? '' : `x-amz-trailer-signature:${signature}\r\n`
  return `${CRC64_TRAILER}:${value}\r\n${signed}`
}

/** Bytes of a chunked body, which its signed headers tell before its signatures are known. */
export function chunkedLength(bytes: number, mode: ChunkMode): number {
  const signature = mode === 'unsigned-trailer' ? undefined : '0'.repeat(64)
  let length = bytes + chunkHead(0, signature, bytes === 0).length + 2
  for (let at = 0; at < bytes; at += CHUNK_BYTES) {
    length += chunkHead(Math.min(CHUNK_BYTES, bytes - at), signature, at === 0).length
  }
  // Eight bytes of checksum are twelve of base64.
  return mode === 'signed' ? length : length + trailerOf('0'.repeat(12), signature).length
}
