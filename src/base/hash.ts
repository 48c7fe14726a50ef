/** The content hash of blocks and the placement hash of keys: BLAKE3, 32 bytes. */

import { createRequire } from 'node:module'
import { hash as portableBlake3 } from 'blake3-jit'

export const HASH_SIZE_BYTES = 32

type Blake3 = (bytes: Uint8Array) => Uint8Array

/** The native add-on where its binary is installed, else the WebAssembly one: same answers. */
function pickBlake3(): Blake3 {
  try {
    const native = createRequire(import.meta.url)('@napi-rs/blake-hash') as {
      blake3(input: Buffer): Buffer
    }
    return (bytes) =>
      native.blake3(
        Buffer.isBuffer(bytes)
          ? bytes
          : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      )
  } catch {
    return (bytes) => portableBlake3(bytes)
  }
}

/** BLAKE3 of `bytes`, 32 bytes owned by the caller. About 0.11 ms for 1 MiB. */
export const blake3: Blake3 = pickBlake3()
