/** Derived signing keys of SigV4, cached per key id, date, region and service. */

import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { SIGNING_KEYS_MAX } from '../../base/limits.ts'

/** What a signing key is derived for. Source: AWS Signature Version 4, "credential scope". */
export interface Scope {
  /** YYYYMMDD. */
  readonly date: string
  readonly region: string
  readonly service: string
}

interface Entry {
  readonly secret: string
  readonly key: KeyObject
}

/** Whose key, and for what. */
interface KeyName {
  readonly keyId: string
  readonly scope: Scope
}

/**
 * The derived keys of one door. Bounded; the oldest entry goes first. Only keys that a signature
 * was found right with are kept, so that strangers cannot fill it.
 */
export class SigningKeys {
  readonly #entries = new Map<string, Entry>()

  /** The key that signs for `name`; a changed secret is never answered from the cache. */
  of(name: KeyName, secret: string): KeyObject {
    const known = this.#entries.get(textOf(name))
    return known?.secret === secret ? known.key : deriveSigningKey(secret, name.scope)
  }

  /** Remembers what `of` gave. */
  keep(name: KeyName, secret: string, key: KeyObject): void {
    const text = textOf(name)
    if (this.#entries.get(text)?.key === key) return
    this.#entries.delete(text)
    if (this.#entries.size >= SIGNING_KEYS_MAX) {
      const oldest = this.#entries.keys().next()
      if (oldest.done !== true) this.#entries.delete(oldest.value)
    }
    this.#entries.set(text, { secret, key })
  }
}

function textOf({ keyId, scope }: KeyName): string {
  return `${keyId}/${scope.date}/${scope.region}/${scope.service}`
}

/** Four HMACs. Source: AWS Signature Version 4, "Calculate the signature". */
export function deriveSigningKey(secret: string, scope: Scope): KeyObject {
  const date = hmac(`AWS4${secret}`, scope.date)
  const region = hmac(date, scope.region)
  const service = hmac(region, scope.service)
  return createSecretKey(hmac(service, 'aws4_request'))
}

/** HMAC-SHA256 of `text` in lower-case hex. */
export function signHex(key: KeyObject, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  const secret = typeof key === 'string' ? key : createSecretKey(key)
  return createHmac('sha256', secret).update(text).digest()
}
