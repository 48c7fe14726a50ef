/** The chain of chunk signatures: each covers the one before it. */

import { createHash, type Hash, type KeyObject, timingSafeEqual } from 'node:crypto'
import { sha256Hex } from './canonical-request.ts'
import type { Claim } from './claim.ts'
import { AuthError } from './errors.ts'
import { signHex } from './signing-key.ts'

const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const hexSignature = /^[0-9a-f]{64}$/

/**
 * Checks chunk after chunk of one signed payload, in the order they come.
 *
 * Source: AWS Signature Version 4, "Transferring payload in multiple chunks", and the same with
 * trailing headers.
 */
export class SignatureChain {
  readonly #key: KeyObject
  readonly #scope: string
  #before: string
  #chunk: Hash | undefined

  /** The first link is the request's own signature, already found right. */
  constructor(key: KeyObject, claim: Claim) {
    this.#key = key
    this.#scope = `${claim.amzDate}\n${claim.scopeText}`
    this.#before = claim.signature
  }

  /** Adds bytes to the chunk that is being read. */
  update(bytes: Uint8Array): void {
    this.#chunk ??= createHash('sha256')
    this.#chunk.update(bytes)
  }

  /** @throws {AuthError} `SignatureDoesNotMatch` */
  endChunk(signature: string): void {
    const digest = this.#chunk === undefined ? emptySha256 : this.#chunk.digest('hex')
    this.#chunk = undefined
    this.#link(`AWS4-HMAC-SHA256-PAYLOAD\n${this.#scope}\n${this.#before}`, {
      digests: `${emptySha256}\n${digest}`,
      signature,
    })
  }

  /** @param trailer canonical: `name:value` and a newline; @throws {AuthError} */
  endTrailer(trailer: string, signature: string): void {
    this.#link(`AWS4-HMAC-SHA256-TRAILER\n${this.#scope}\n${this.#before}`, {
      digests: sha256Hex(trailer),
      signature,
    })
  }

  #link(head: string, link: { readonly digests: string; readonly signature: string }): void {
    const wanted = signHex(this.#key, `${head}\n${link.digests}`)
    if (!signaturesAreEqual(wanted, link.signature)) {
      throw new AuthError(
        'SignatureDoesNotMatch',
        'Cannot accept the payload: the signature of a chunk does not match',
      )
    }
    this.#before = wanted
  }
}

/** Compares in a time that does not depend on where the two differ. */
export function signaturesAreEqual(wanted: string, given: string): boolean {
  return (
    hexSignature.test(given) &&
    timingSafeEqual(Buffer.from(wanted, 'latin1'), Buffer.from(given, 'latin1'))
  )
}
