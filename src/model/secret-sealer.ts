/** Secrets at rest: sealed under a key that no row holds. */

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { concatBytes, textOf, utf8 } from '../base/bytes.ts'
import type { Rng } from '../base/rng.ts'

const FORMAT = 1
const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals secrets with AES-256-GCM, bound to the id that they belong to.
 *
 * Shape: format byte, 12 bytes of nonce, ciphertext, 16 bytes of tag. Source: NIST SP 800-38D.
 */
export class SecretSealer {
  readonly #key: Uint8Array
  readonly #rng: Rng

  /** @param secret at least 32 bytes that stay with the node or the cluster, outside the rows */
  constructor(secret: Uint8Array, rng: Rng) {
    if (secret.length < 32) {
      throw new TypeError(`Cannot seal secrets: the key has ${secret.length} bytes, wanted 32`)
    }
    const salt = new Uint8Array(0)
    this.#key = new Uint8Array(hkdfSync('sha256', secret, salt, 'hangar access keys', 32))
    this.#rng = rng
  }

  seal(id: string, secret: string): Uint8Array {
    const iv = this.#rng.bytes(IV_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv)
    cipher.setAAD(utf8(id))
    const sealed = concatBytes(cipher.update(secret, 'utf8'), cipher.final())
    return concatBytes(Uint8Array.of(FORMAT), iv, sealed, cipher.getAuthTag())
  }

  /** @throws {Error} when it was sealed for another id or under another key */
  open(id: string, sealed: Uint8Array): string {
    if (sealed[0] !== FORMAT || sealed.length < 1 + IV_BYTES + TAG_BYTES) {
      throw new TypeError(`Cannot open the secret of "${id}": its format is ${sealed[0]}, wanted 1`)
    }
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(1, 1 + IV_BYTES))
    decipher.setAAD(utf8(id))
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
    const text = decipher.update(sealed.subarray(1 + IV_BYTES, -TAG_BYTES))
    return textOf(concatBytes(text, decipher.final()))
  }
}
