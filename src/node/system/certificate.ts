/**
 * The certificate that carries a node's key through TLS.
 *
 * Its fields are the same for every node and say nothing: peers compare the key alone. One fixed
 * template of DER (RFC 5280, RFC 8410), no writer of ASN.1.
 */

import { createPublicKey, sign, type KeyObject, type X509Certificate } from 'node:crypto'
import { base64Of, concatBytes, fromHex, hexOf } from '../../base/bytes.ts'
import { nodeId, type NodeId } from '../../base/ids.ts'

/** SubjectPublicKeyInfo of an ed25519 key, before its 32 bytes. */
const SPKI_PREFIX = '302a300506032b6570032100'
const SPKI_BYTES = 44

/** Version 3, serial number 1, signed with ed25519. */
const HEAD = 'a003020102' + '020101' + '300506032b6570'
/** `CN=hangar`: issuer and subject. */
const NAME = '3011310f300d06035504030c0668616e676172'
/** 2020-01-01 to 9999-12-31, the date that RFC 5280 gives to certificates that do not end. */
const VALIDITY = '3020170d3230303130313030303030305a180f39393939313233313233353935395a'
/** The algorithm again, then a bit string of 64 bytes. */
const SIGNATURE_PREFIX = '300506032b6570' + '034100'

/** A certificate over `key` signed by itself, as PEM. Equal keys give equal certificates. */
export function nodeCertificate(key: KeyObject): string {
  const spki = hexOf(createPublicKey(key).export({ format: 'der', type: 'spki' }))
  const body = sequence(fromHex(HEAD + NAME + VALIDITY + NAME + spki)!)
  const signature = sign(null, body, key)
  const whole = sequence(concatBytes(body, fromHex(SIGNATURE_PREFIX)!, signature))
  const lines = base64Of(whole).match(/.{1,64}/g)!
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/** The node whose key a peer's certificate holds; undefined when it is no ed25519 key. */
export function nodeOfCertificate(certificate: X509Certificate | undefined): NodeId | undefined {
  if (certificate === undefined) return undefined
  const spki = hexOf(certificate.publicKey.export({ format: 'der', type: 'spki' }))
  if (spki.length !== 2 * SPKI_BYTES || !spki.startsWith(SPKI_PREFIX)) return undefined
  return nodeId(spki.slice(SPKI_PREFIX.length))
}

/** A DER sequence of 128 to 65,535 bytes. */
function sequence(content: Uint8Array): Uint8Array {
  const { length } = content
  const head = length < 256 ? [0x30, 0x81, length] : [0x30, 0x82, length >> 8, length & 255]
  return concatBytes(Uint8Array.from(head), content)
}
