/**
 * Encryption with a key that the client keeps (SSE-C): how keys are derived, and what is sealed.
 *
 * The client's key is never stored: see doc/decisions/0070-customer-keys.md.
 */

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { utf8 } from '../../base/bytes.ts'
import type { Aead, Compute } from '../../base/compute.ts'
import type { ManifestId } from '../../base/ids.ts'
import { SEAL_TAG_BYTES } from '../../base/limits.ts'
import type { Rng } from '../../base/rng.ts'
import type { Sealing } from '../../model/rows/sealing.ts'
import { StoreError } from '../errors.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 12
/** As many as those of an MD5. */
const ETAG_BYTES = 16
const SALT_BYTES = 32
const noSalt = new Uint8Array(0)

/** The key of one object or upload, derived from the client's. */
export class Seal {
  readonly sealing: Sealing
  readonly #key: Uint8Array

  /** @param key of the object, 32 bytes */
  constructor(sealing: Sealing, key: Uint8Array) {
    this.sealing = sealing
    this.#key = key
  }

  /**
   * The ETag of bytes: like an MD5 it is the same for the same bytes of this object or upload, so a
   * part may be sent again; it tells nothing of them without the key.
   */
  etag(md5: Uint8Array): string {
    const mac = createHmac('sha256', derive(this.#key, noSalt, 'etag'))
      .update(md5)
      .digest()
    return mac.subarray(0, ETAG_BYTES).toString('hex')
  }

  /** For the blocks of one manifest: no other has the same key. */
  blocks(compute: Compute, manifest: ManifestId): BlockSeal {
    return new BlockSeal(compute.aead(derive(this.#key, utf8(manifest), 'block')))
  }

  /** For the bytes of an object that lie in its row. */
  async sealInline(compute: Compute, plain: Uint8Array): Promise<Uint8Array> {
    return compute.aead(derive(this.#key, noSalt, 'inline')).seal(nonceOf(0), plain)
  }

  /** @throws {StoreError} `BlockUnavailable` when the bytes are not those that were sealed */
  async openInline(compute: Compute, sealed: Uint8Array): Promise<Uint8Array> {
    const aead = compute.aead(derive(this.#key, noSalt, 'inline'))
    return opened(await aead.open(nonceOf(0), sealed))
  }
}

/** Seals and opens the blocks of one manifest, each by its place: one in another's place fails. */
export class BlockSeal {
  readonly #aead: Aead

  constructor(aead: Aead) {
    this.#aead = aead
  }

  /**
   * Seals the first `length` bytes in place.
   *
   * @param data with room for `SEAL_TAG_BYTES` more
   * @returns the length of what is sealed
   */
  async seal(data: Uint8Array, length: number, index: number): Promise<number> {
    const sealed = await this.#aead.seal(nonceOf(index), data.subarray(0, length))
    data.set(sealed)
    return length + SEAL_TAG_BYTES
  }

  /** @throws {StoreError} `BlockUnavailable` when it is not what was sealed there */
  async open(sealed: Uint8Array, index: number): Promise<Uint8Array> {
    return opened(await this.#aead.open(nonceOf(index), sealed))
  }
}

/** A fresh seal under the client's key. */
export function newSeal(rng: Rng, customerKey: Uint8Array): Seal {
  return sealWith(rng.bytes(SALT_BYTES), customerKey)
}

/** The seal of an object under the client's key; undefined when it is another key. */
export function sealUnder(sealing: Sealing, customerKey: Uint8Array): Seal | undefined {
  const seal = sealWith(sealing.salt, customerKey)
  const { proof } = seal.sealing
  const isRight = proof.length === sealing.proof.length && timingSafeEqual(proof, sealing.proof)
  return isRight ? seal : undefined
}

/**
 * What opens an object: undefined where nothing is sealed.
 *
 * @throws {StoreError} `CustomerKeyMissing`, `CustomerKeyNotNeeded`, `CustomerKeyWrong`
 */
export function sealOf(
  object: { readonly sealing?: Sealing | undefined },
  customerKey: Uint8Array | undefined,
): Seal | undefined {
  if (object.sealing === undefined) {
    if (customerKey === undefined) return undefined
    throw new StoreError(
      'CustomerKeyNotNeeded',
      'The encryption parameters are not applicable to this object.',
    )
  }
  if (customerKey === undefined) {
    throw new StoreError(
      'CustomerKeyMissing',
      'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    )
  }
  const seal = sealUnder(object.sealing, customerKey)
  if (seal !== undefined) return seal
  throw new StoreError('CustomerKeyWrong', 'Cannot open the object: it has another customer key')
}

function sealWith(salt: Uint8Array, customerKey: Uint8Array): Seal {
  const derived = derive(customerKey, salt, 'object', 2 * KEY_BYTES)
  const proof = derived.subarray(KEY_BYTES)
  return new Seal({ salt, proof }, derived.subarray(0, KEY_BYTES))
}

function derive(key: Uint8Array, salt: Uint8Array, use: string, length = KEY_BYTES): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, `hangar sse-c 1 ${use}`, length))
}

/** The place of a block in its manifest; a key seals each place once. */
function nonceOf(index: number): Uint8Array {
  const nonce = Buffer.alloc(NONCE_BYTES)
  nonce.writeUInt32BE(index, NONCE_BYTES - 4)
  return nonce
}

function opened(plain: Uint8Array | undefined): Uint8Array {
  if (plain !== undefined) return plain
  throw new StoreError('BlockUnavailable', 'Cannot open a block: it is not what was sealed there')
}
