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
    const link = this.#link('PAYLOAD', `${emptySha256}\n${digest}`)
    if (!signaturesAreEqual(link, signature)) throw mismatch('a chunk')
    this.#before = link
  }

  /**
   * The documentation's text and the SDKs sign a trailer as TRAILER, the documentation's example
   * as PAYLOAD; with one line less than a chunk has, so neither can stand for a chunk.
   *
   * @param trailer canonical: `name:value` and a newline
   * @throws {AuthError} `SignatureDoesNotMatch`
   */
  endTrailer(trailer: string, signature: string): void {
    const digest = sha256Hex(trailer)
    const isRight =
      signaturesAreEqual(this.#link('TRAILER', digest), signature) ||
      signaturesAreEqual(this.#link('PAYLOAD', digest), signature)
    if (!isRight) throw mismatch('the trailer')
  }

  #link(kind: 'PAYLOAD' | 'TRAILER', digests: string): string {
    const text = `AWS4-HMAC-SHA256-${kind}\n${this.#scope}\n${this.#before}\n${digests}`
    return signHex(this.#key, text)
  }
}

function mismatch(what: string): AuthError {
  return new AuthError(
    'SignatureDoesNotMatch',
    `Cannot accept the payload: the signature of ${what} does not match`,
  )
}

/** Compares in a time that does not depend on where the two differ. */
export function signaturesAreEqual(wanted: string, given: string): boolean {
  return (
    hexSignature.test(given) &&
    timingSafeEqual(Buffer.from(wanted, 'latin1'), Buffer.from(given, 'latin1'))
  )
}
