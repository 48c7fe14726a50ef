/** AES-256-GCM: short texts where they stand, long ones on the threads of the runtime. */

import { createCipheriv, createDecipheriv, webcrypto } from 'node:crypto'
import type { Aead } from '../../base/compute.ts'
import { HASH_INLINE_BYTES_MAX, SEAL_TAG_BYTES } from '../../base/limits.ts'

const ALGORITHM = 'aes-256-gcm'

/** Everything where it stands: for simulations. */
export function inlineAead(key: Uint8Array): Aead {
  return {
    seal(nonce, plain) {
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(nonce)
      const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
      return Buffer.concat([sealed, cipher.getAuthTag()])
    },
    open(nonce, sealed) {
      const end = sealed.length - SEAL_TAG_BYTES
      if (end < 0) return undefined
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: SEAL_TAG_BYTES })
      decipher.setAAD(nonce).setAuthTag(Uint8Array.from(sealed.subarray(end)))
      const plain = decipher.update(sealed.subarray(0, end))
      try {
        decipher.final()
      } catch {
        return undefined
      }
      return plain
    },
  }
}

/** Beyond 64 KiB on another thread. */
export function threadAead(key: Uint8Array): Aead {
  const inline = inlineAead(key)
  let imported: Promise<webcrypto.CryptoKey> | undefined
  const keyThere = (): Promise<webcrypto.CryptoKey> => {
    const bytes = Uint8Array.from(key)
    imported ??= webcrypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
    return imported
  }
  const parameters = (nonce: Uint8Array): webcrypto.AesGcmParams => {
    const iv = Uint8Array.from(nonce)
    return { name: 'AES-GCM', iv, additionalData: iv, tagLength: 8 * SEAL_TAG_BYTES }
  }
  return {
    async seal(nonce, plain) {
      if (plain.length <= HASH_INLINE_BYTES_MAX) return inline.seal(nonce, plain)
      // The threads of the runtime take no memory that is shared.
      const copy = Uint8Array.from(plain)
      const there = await keyThere()
      return new Uint8Array(await webcrypto.subtle.encrypt(parameters(nonce), there, copy))
    },
    async open(nonce, sealed) {
      if (sealed.length <= HASH_INLINE_BYTES_MAX) return inline.open(nonce, sealed)
      const copy = Uint8Array.from(sealed)
      const there = await keyThere()
      try {
        return new Uint8Array(await webcrypto.subtle.decrypt(parameters(nonce), there, copy))
      } catch {
        return undefined
      }
    },
  }
}
