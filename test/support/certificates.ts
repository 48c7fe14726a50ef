/** An authority of the tests' own and certificates by it: a small writer of DER (RFC 5280). */

import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

/** A certificate and its key as PEM. */
export interface Pair {
  readonly certificate: string
  readonly key: string
}

export interface CertificateWish {
  /** Host names and IPv4 addresses. @default localhost and 127.0.0.1 */
  readonly names?: readonly string[]
  /** @default 2020-01-01 */
  readonly from?: Date
  /** @default 2049-12-31 */
  readonly until?: Date
}

export interface Authority {
  /** What clients are to trust, as PEM. */
  readonly certificate: string
  issue(wish?: CertificateWish): Pair
}

const NAMES = ['localhost', '*.localhost', '*.s3.localhost', '127.0.0.1']
const ECDSA_SHA256 = sequence(objectId('2a8648ce3d040302'))

/** P-256, as public authorities give them to servers now. */
export function newAuthority(): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const basicConstraints = extension('551d13', sequence(der(0x01, Buffer.from([0xff]))), true)
  const own = write({
    subject: 'Authority of the tests',
    ...{ publicKey, signer: privateKey, extensions: [basicConstraints, keyId('551d0e', 4)] },
  })
  return {
    certificate: own,
    issue(wish = {}) {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const names = extension('551d11', sequence(...(wish.names ?? NAMES).map(alternativeName)))
      const certificate = write({
        ...{ subject: 'Server of the tests', publicKey: pair.publicKey, signer: privateKey },
        extensions: [names, authorityKeyId()],
        ...wish,
      })
      return {
        certificate,
        key: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
      }
    },
  }
}

interface Parts {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly signer: KeyObject
  readonly extensions: readonly Buffer[]
  readonly from?: Date
  readonly until?: Date
}

let serial = 0

function write(parts: Parts): string {
  const { from = new Date('2020-01-01'), until = new Date('2049-12-31') } = parts
  serial += 1
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([0x10, serial >> 8, serial & 255])),
    ECDSA_SHA256,
    name('Authority of the tests'),
    sequence(time(from), time(until)),
    name(parts.subject),
    parts.publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa3, sequence(...parts.extensions)),
  )
  const signature = sign('sha256', body, parts.signer)
  const whole = sequence(body, ECDSA_SHA256, der(0x03, Buffer.from([0]), signature))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/** The authority's key by one name: newer clients want both ends of the chain to say it. */
const KEY_ID = Buffer.alloc(20, 0x2a)

function keyId(id: string, tag: number): Buffer {
  return extension(id, der(tag, KEY_ID))
}

function authorityKeyId(): Buffer {
  return extension('551d23', sequence(der(0x80, KEY_ID)))
}

function alternativeName(text: string): Buffer {
  return /^\d+(\.\d+){3}$/.test(text)
    ? der(0x87, Buffer.from(text.split('.').map(Number)))
    : der(0x82, Buffer.from(text))
}

function extension(id: string, content: Buffer, isCritical = false): Buffer {
  const critical = isCritical ? [der(0x01, Buffer.from([0xff]))] : []
  return sequence(objectId(id), ...critical, der(0x04, content))
}

function name(text: string): Buffer {
  return sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(text)))))
}

/** `YYYYMMDDhhmmssZ`, or its last 13 characters before 2050, as RFC 5280 wants it. */
function time(date: Date): Buffer {
  const text = `${date.toISOString().replace(/\D/g, '').slice(0, 14)}Z`
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(text.slice(2)))
    : der(0x18, Buffer.from(text))
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts)
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const head =
    length < 128
      ? [tag, length]
      : length < 256
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), content])
}
