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

/**
 * Signs paths for one endpoint and one instant. Paths and query values must need no encoding.
 *
 * Source: S3 API reference, "Authenticating requests: using query parameters".
 */
export class Presigner {
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
    const digest = createHash('sha256').update(canonical).digest('hex')
    const toSign = `AWS4-HMAC-SHA256\n${this.#datetime}\n${this.#scope}\n${digest}`
    const signature = createHmac('sha256', this.#key).update(toSign).digest('hex')
    return `${path}?${text}&X-Amz-Signature=${signature}`
  }
}
