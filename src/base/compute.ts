/**
 * The port for work on other threads: digests over whole bodies, and encryption of blocks.
 *
 * Large pieces are hashed by a thread that shares the block slab's memory; small ones, and all of
 * them in a simulation, where they stand.
 */

export type DigestKind = 'md5' | 'sha1' | 'sha256' | 'crc32' | 'crc32c' | 'crc64nvme'

/** Raw digests in the byte order that S3 puts into base64 (CRCs big-endian). */
export type Digests = Partial<Record<DigestKind, Uint8Array>>

/** One body's running digests. Pieces are taken in the order of the calls. */
export interface DigestStream {
  /**
   * Feeds a piece. The bytes may be reused only after the promise resolves; undefined means that
   * they were taken at once.
   */
  update(piece: Uint8Array): Promise<void> | undefined
  /** The digests of everything fed. Ends the stream. */
  finish(): Promise<Digests>
  /** Ends the stream without a result; safe after `finish`. */
  discard(): void
}

/**
 * AES-256-GCM under one key; the nonce is authenticated as well. The caller uses each nonce once.
 * The bytes may be reused only after an answer that is a promise has resolved.
 */
export interface Aead {
  /** The sealed bytes, then 16 bytes of tag. */
  seal(nonce: Uint8Array, plain: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** Undefined when they are not what was sealed under this key and nonce. */
  open(
    nonce: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined>
}

export interface Compute {
  digest(kinds: readonly DigestKind[]): DigestStream
  /** @param key 32 bytes */
  aead(key: Uint8Array): Aead
}
