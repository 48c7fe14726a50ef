/** Takes a body in: small ones into memory, larger ones into blocks; verified either way. */

import type { Digests, DigestStream } from '../../base/compute.ts'
import type { Checksum } from '../../model/rows/checksum.ts'
import { BlockWriter, type ManifestFacts } from './block-writer.ts'
import { digestsOf, verifyBody, type Body } from './body.ts'
import { StoreError, toStoreError } from '../errors.ts'
import type { Store } from '../store.ts'
import type { Seal } from './sealing.ts'

export interface ReceiveOptions {
  readonly body: Body
  /** Bodies up to this stay in memory; 0: all go into blocks, empty ones too. */
  readonly inlineSizeBytesMax: number
  readonly sizeBytesMax: number
  /** What the bytes are encrypted with; their ETag is not their MD5 then. */
  readonly seal?: Seal | undefined
  /** Asked only for a body that goes into blocks. */
  readonly facts: () => ManifestFacts
}

export interface Received {
  readonly size: number
  readonly etag: string
  /** Of the whole bytes, when one was wanted. */
  readonly checksum: Checksum | undefined
  /** The bytes, or the sealed writer whose manifest lists their blocks. */
  readonly content: Uint8Array | BlockWriter
  /**
   * Hybrid time at which its last bytes were read. From then on a client that is cut off sends it
   * again, so from then on the time counts in which a change may still be made.
   */
  readonly receivedAt: number
}

/**
 * Reads the whole body and verifies its digests.
 *
 * When it throws nothing of it runs any more, and what was written is left to the release worker.
 *
 * @throws {StoreError} `EntityTooLarge`, `IncompleteBody`, a digest's, or of the layers below
 */
export async function receiveBody(store: Store, options: ReceiveOptions): Promise<Received> {
  const { body, sizeBytesMax } = options
  if (body.length !== undefined && body.length > sizeBytesMax) throw tooLarge(sizeBytesMax)
  const digest = store.compute.digest(digestsOf(body))
  const receiver = new Receiver(store, options, digest)
  try {
    for await (const piece of body.pieces) {
      const taken = receiver.take(piece)
      if (taken !== undefined) await taken
    }
    return await receiver.finish()
  } catch (error) {
    await receiver.stop()
    throw toStoreError(error)
  } finally {
    digest.discard()
  }
}

function tooLarge(sizeBytesMax: number): StoreError {
  return new StoreError(
    'EntityTooLarge',
    `Cannot take the body: it is too large, wanted at most ${sizeBytesMax} bytes`,
    { details: { maxSizeAllowed: sizeBytesMax } },
  )
}

class Receiver {
  readonly #store: Store
  readonly #options: ReceiveOptions
  readonly #digest: DigestStream
  readonly #small: Uint8Array[] = []
  #writer: BlockWriter | undefined
  #size = 0
  #receivedAt: number

  constructor(store: Store, options: ReceiveOptions, digest: DigestStream) {
    this.#store = store
    this.#options = options
    this.#digest = digest
    this.#receivedAt = store.tables.now()
    const { body, inlineSizeBytesMax } = options
    if (inlineSizeBytesMax === 0 || (body.length ?? 0) > inlineSizeBytesMax) this.#begin()
  }

  take(piece: Uint8Array): Promise<void> | undefined {
    this.#receivedAt = this.#store.tables.now()
    this.#size += piece.length
    const { body, sizeBytesMax, inlineSizeBytesMax } = this.#options
    if (this.#size > sizeBytesMax) throw tooLarge(sizeBytesMax)
    if (body.length !== undefined && this.#size > body.length) {
      throw new StoreError(
        'IncompleteBody',
        `Cannot take the body: it has more than ${body.length} bytes`,
      )
    }
    if (this.#writer !== undefined) return this.#writer.write(piece)
    if (this.#size <= inlineSizeBytesMax) {
      this.#small.push(Uint8Array.from(piece))
      return undefined
    }
    return this.#spill(piece)
  }

  async finish(): Promise<Received> {
    const { seal } = this.#options
    const writer = this.#writer
    if (writer === undefined) {
      const plain = this.#small.length === 1 ? this.#small[0]! : Buffer.concat(this.#small)
      const fed = this.#digest.update(plain)
      if (fed !== undefined) await fed
      const verified = this.#judged(await this.#digest.finish())
      const content = (await seal?.sealInline(this.#store.compute, plain)) ?? plain
      return { size: this.#size, ...verified, content, receivedAt: this.#receivedAt }
    }
    await writer.end()
    const verified = this.#judged(await this.#digest.finish())
    await writer.seal()
    return { size: this.#size, ...verified, content: writer, receivedAt: this.#receivedAt }
  }

  /** The MD5 of encrypted bytes would tell what they are. */
  #judged(digests: Digests): Pick<Received, 'etag' | 'checksum'> {
    const { body, seal } = this.#options
    const verified = verifyBody(body, this.#size, digests)
    return seal === undefined ? verified : { ...verified, etag: seal.etag(digests.md5!) }
  }

  async stop(): Promise<void> {
    await this.#writer?.stop()
  }

  #begin(): BlockWriter {
    const { facts, seal } = this.#options
    this.#writer = new BlockWriter(this.#store, facts(), this.#digest, seal)
    return this.#writer
  }

  /** It was no small body after all. */
  async #spill(piece: Uint8Array): Promise<void> {
    const writer = this.#begin()
    for (const small of this.#small) await writer.write(small)
    this.#small.length = 0
    await writer.write(piece)
  }
}
