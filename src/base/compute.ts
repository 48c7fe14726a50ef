/**
 * The port for work on other threads: digests over whole bodies.
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

export interface Compute {
  digest(kinds: readonly DigestKind[]): DigestStream
}
