/** Whether a certificate and a key can serve, and what to say when they cannot. */

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { tryIdentity, type TlsIdentity } from '../../api/http/tls/handshakes.ts'
import { CERTIFICATE_SOON_MS } from '../../base/limits.ts'

/** Thrown with a sentence that tells what to do; the caller adds which files. */
export class CertificateFault extends Error {
  override readonly name = 'CertificateFault'
}

/** What a good pair says of itself. */
export interface CertificateFacts {
  /** Unix milliseconds. */
  readonly fromMs: number
  readonly untilMs: number
}

/**
 * Reads both as PEM and sees that they belong together.
 *
 * @throws {CertificateFault}
 */
export function judgeIdentity({ certificate, key }: TlsIdentity): CertificateFacts {
  const parsed = parseCertificate(certificate)
  if (!parsed.checkPrivateKey(parseKey(key))) {
    throw new CertificateFault('the key is not that of the certificate: give the two of one pair')
  }
  try {
    tryIdentity({ certificate, key })
  } catch (error) {
    throw new CertificateFault(`OpenSSL does not take them: ${(error as Error).message}`)
  }
  return { fromMs: Date.parse(parsed.validFrom), untilMs: Date.parse(parsed.validTo) }
}

/** The first certificate is the server's own; the others lead from it to its authority. */
function parseCertificate(text: string): X509Certificate {
  const all = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  if (all.length === 0) {
    throw new CertificateFault('the certificate is not PEM: no "-----BEGIN CERTIFICATE-----"')
  }
  try {
    const [own] = all.map((one) => new X509Certificate(one))
    return own!
  } catch {
    throw new CertificateFault('the certificate is damaged: one of its PEM blocks cannot be read')
  }
}

function parseKey(text: string): KeyObject {
  if (/ENCRYPTED/.test(text)) {
    throw new CertificateFault(
      'the key has a passphrase: write it without one, `openssl pkey -in OLD -out NEW`',
    )
  }
  try {
    return createPrivateKey(text)
  } catch {
    throw new CertificateFault('the key is not a private key in PEM')
  }
}

/** A sentence when the certificate is out of its time, or soon will be. */
export function datesWarning(
  { fromMs, untilMs }: CertificateFacts,
  nowMs: number,
): string | undefined {
  const until = new Date(untilMs).toISOString().slice(0, 10)
  if (nowMs >= untilMs) return `The certificate expired on ${until}: clients refuse it`
  if (nowMs < fromMs) {
    const from = new Date(fromMs).toISOString().slice(0, 10)
    return `The certificate is good only from ${from} on: clients refuse it until then`
  }
  if (nowMs >= untilMs - CERTIFICATE_SOON_MS) return `The certificate expires on ${until}`
  return undefined
}
