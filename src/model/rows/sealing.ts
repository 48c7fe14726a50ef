/** What is kept of the encryption of an object whose key its client keeps (SSE-C). */

export interface Sealing {
  /** 32 random bytes, drawn for each object and for each upload. */
  readonly salt: Uint8Array
  /** 32 bytes derived from the client's key and the salt: they tell a wrong key from the right one. */
  readonly proof: Uint8Array
}

export type StoredSealing = readonly [salt: Uint8Array, proof: Uint8Array] | 0

export function encodeSealing(sealing: Sealing | undefined): StoredSealing {
  return sealing === undefined ? 0 : [sealing.salt, sealing.proof]
}

/** As a part of a row: absent where nothing is sealed, as in the rows of older formats. */
export function decodeSealing(stored: StoredSealing | undefined): { readonly sealing?: Sealing } {
  if (stored === undefined || stored === 0) return {}
  return { sealing: { salt: Uint8Array.from(stored[0]), proof: Uint8Array.from(stored[1]) } }
}
