/** The bodies of a simulation: each version of an object has bytes that name it. */

import { createHash } from 'node:crypto'
import { utf8 } from '../base/bytes.ts'
import type { Body } from '../store/object/body.ts'

/** What a client sent, so that whoever reads knows what it must be. */
export interface Content {
  readonly bytes: Uint8Array
  readonly etag: string
}

/** `size` bytes that begin with `name` and repeat it. */
export function contentOf(name: string, size: number): Content {
  const pattern = utf8(`${name};`)
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += pattern.length) {
    bytes.set(pattern.subarray(0, size - at), at)
  }
  return { bytes, etag: md5(bytes).toString('hex') }
}

/** Of an object made from parts, as S3 makes its ETag. */
export function joined(parts: readonly Content[]): Content {
  const sums = Buffer.concat(parts.map(({ bytes }) => md5(bytes)))
  return {
    bytes: Buffer.concat(parts.map(({ bytes }) => bytes)),
    etag: `${md5(sums).toString('hex')}-${parts.length}`,
  }
}

export function bodyOf({ bytes }: Content): Body {
  return { pieces: onePiece(bytes), length: bytes.length, expect: () => ({}) }
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}

function md5(bytes: Uint8Array): Buffer {
  return createHash('md5').update(bytes).digest()
}
