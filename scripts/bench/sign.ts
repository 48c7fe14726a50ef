/** Signs requests ahead of the clock: a presigned URL costs some microseconds here. */

import { createHash, createHmac } from 'node:crypto'

export interface Endpoint {
  readonly host: string
  readonly hostname: string
  readonly port: number
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

const EXPIRES_SECONDS = 86_400
const EMPTY_SHA256 = sha256('')

/**
 * Signs for one endpoint and one instant. Paths and query values must need no encoding; a presigned
 * URL is good for a day, signed headers for the quarter of an hour that servers grant.
 *
 * Source: S3 API reference, "Authenticating requests" by query parameters, by the Authorization
 * header, and "Signature calculations: transferring payload in multiple chunks".
 */
export class Signer {
  readonly #endpoint: Endpoint
  readonly #datetime: string
  readonly #scope: string
  readonly #key: Buffer

  constructor(endpoint: Endpoint, now: Date) {
    this.#endpoint = endpoint
    this.#datetime = now.toISOString().replace(/[:-]|\.\d{3}/g, '')
    const date = this.#datetime.slice(0, 8)
    this.#scope = `${date}/${endpoint.region}/s3/aws4_request`
    let key = Buffer.from(`AWS4${endpoint.secretAccessKey}`)
    for (const step of [date, endpoint.region, 's3', 'aws4_request']) {
      key = createHmac('sha256', key).update(step).digest()
    }
    this.#key = key
  }

  /** The target of a request; `query` is signed with it. */
  target(method: string, path: string, query: Readonly<Record<string, string>> = {}): string {
    const { accessKeyId, host } = this.#endpoint
    const values: Record<string, string> = {
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': encodeURIComponent(`${accessKeyId}/${this.#scope}`),
      'X-Amz-Date': this.#datetime,
      'X-Amz-Expires': `${EXPIRES_SECONDS}`,
      'X-Amz-SignedHeaders': 'host',
    }
    for (const [name, value] of Object.entries(query)) values[name] = encodeURIComponent(value)
    const sorted = Object.keys(values).sort()
    const text = sorted.map((name) => `${name}=${values[name]}`).join('&')
    const canonical = `${method}\n${path}\n${text}\nhost:${host}\n\nhost\nUNSIGNED-PAYLOAD`
    return `${path}?${text}&X-Amz-Signature=${this.#sign('AWS4-HMAC-SHA256', sha256(canonical))}`
  }

  /**
   * The headers of a PUT, signed, without those that are not: lines with their ends, and the
   * signature, from which those of chunks follow.
   *
   * @param given names in lower case, `x-amz-content-sha256` among them
   */
  put(path: string, given: Readonly<Record<string, string>>): { lines: string; signature: string } {
    const { host, accessKeyId } = this.#endpoint
    const headers: Record<string, string> = { ...given, host, 'x-amz-date': this.#datetime }
    const names = Object.keys(headers).sort()
    const lines = names.map((name) => `${name}:${headers[name]}\n`).join('')
    const list = names.join(';')
    const canonical = `PUT\n${path}\n\n${lines}\n${list}\n${headers['x-amz-content-sha256']}`
    const signature = this.#sign('AWS4-HMAC-SHA256', sha256(canonical))
    const authorization =
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${this.#scope},` +
      `SignedHeaders=${list},Signature=${signature}`
    const sent = Object.entries({ ...headers, authorization })
    return { lines: sent.map(([name, value]) => `${name}: ${value}\r\n`).join(''), signature }
  }

  /** @param before the signature of the chunk before, or of the headers */
  chunk(before: string, digest: string): string {
    return this.#sign('AWS4-HMAC-SHA256-PAYLOAD', `${before}\n${EMPTY_SHA256}\n${digest}`)
  }

  trailer(before: string, name: string, value: string): string {
    return this.#sign('AWS4-HMAC-SHA256-TRAILER', `${before}\n${sha256(`${name}:${value}\n`)}`)
  }

  #sign(algorithm: string, rest: string): string {
    const text = `${algorithm}\n${this.#datetime}\n${this.#scope}\n${rest}`
    return createHmac('sha256', this.#key).update(text).digest('hex')
  }
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}
