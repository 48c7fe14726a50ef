/** A small S3 client that signs, sends once and gives back what came: nothing is hidden. */

import aws4 from 'aws4'
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { encodedBody, payloadHeaders, type PayloadMode } from './payload.ts'
import type { Algorithm } from './checksums.ts'

export interface Target {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Whom to believe over https, as PEM. */
  readonly authority?: string
}

export interface Call {
  readonly method: string
  readonly bucket?: string
  readonly key?: string
  /** An empty value is sent as `name=`. */
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  /** @default 'hex' */
  readonly payload?: PayloadMode
  /** Checksum that goes as trailer, in the modes that have one. */
  readonly trailer?: Algorithm
  readonly chunkBytes?: number
  /** Signs the query and not a header. */
  readonly presigned?: boolean
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A request that is signed and can be sent by anybody. */
export interface Prepared {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Buffer
}

/** The connection ended without a whole answer: the outcome is unknown. */
export class Unanswered extends Error {}

const IDLE_MS_MAX = 60_000

/** Percent-encoding as S3 canonicalises it: everything but unreserved characters. */
export function encodeStrict(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The path of a key, path style; slashes of the key stay. */
export function pathOf(bucket?: string, key?: string): string {
  if (bucket === undefined) return '/'
  if (key === undefined) return `/${bucket}`
  return `/${bucket}/${key.split('/').map(encodeStrict).join('/')}`
}

/** Signs a call for a target without sending it. */
export function prepare(target: Target, call: Call): Prepared {
  const url = new URL(target.endpoint)
  const body = call.body ?? Buffer.alloc(0)
  const payload = {
    body,
    mode: call.payload ?? 'hex',
    ...(call.trailer === undefined ? {} : { trailer: call.trailer }),
    ...(call.chunkBytes === undefined ? {} : { chunkBytes: call.chunkBytes }),
  }
  const announced = call.presigned === true ? {} : payloadHeaders(payload)
  const query = Object.entries(call.query ?? {})
    .map(([name, value]) => `${encodeStrict(name)}=${encodeStrict(value)}`)
    .join('&')
  const signed = aws4.sign(
    {
      service: 's3',
      region: target.region,
      method: call.method,
      path: pathOf(call.bucket, call.key) + (query === '' ? '' : `?${query}`),
      headers: { host: url.host, ...call.headers, ...announced },
      signQuery: call.presigned === true,
    },
    { accessKeyId: target.accessKeyId, secretAccessKey: target.secretAccessKey },
  )
  const headers = signed.headers as Record<string, string>
  const seedSignature = /Signature=([0-9a-f]{64})/.exec(headers['Authorization'] ?? '')?.[1] ?? ''
  const { secretAccessKey, region } = target
  const datetime = headers['X-Amz-Date'] ?? ''
  if (call.presigned === true) headers['content-length'] = `${body.length}`
  const key = { secretAccessKey, region, datetime, seedSignature }
  const wire = call.presigned === true ? body : encodedBody(payload, key)
  return { method: call.method, path: signed.path ?? '/', headers, body: wire }
}

/** One target, a few kept connections, no retries. */
export class SignedClient {
  readonly target: Target
  readonly #agent: Agent
  readonly #request: typeof request

  constructor(target: Target, sockets = 64) {
    this.target = target
    const { endpoint, authority } = target
    const wish = { keepAlive: true, maxSockets: sockets }
    const isSecure = endpoint.startsWith('https:')
    this.#request = isSecure ? secureRequest : request
    this.#agent = isSecure
      ? new SecureAgent({ ...wish, ...(authority === undefined ? {} : { ca: authority }) })
      : new Agent(wish)
  }

  /**
   * Sends one request and reads the whole answer.
   *
   * @throws {Unanswered} the connection was refused, cut or silent
   */
  async call(call: Call): Promise<Answer> {
    const prepared = prepare(this.target, call)
    const response = await this.send(prepared, call.signal)
    const pieces: Buffer[] = []
    try {
      for await (const piece of response) pieces.push(piece as Buffer)
    } catch (error) {
      throw new Unanswered(`read the answer: ${String(error)}`)
    }
    const { statusCode, headers } = response
    return { status: statusCode ?? 0, headers, body: Buffer.concat(pieces) }
  }

  /** Sends a prepared request; the body of the answer is left to the caller. */
  send(prepared: Prepared, signal?: AbortSignal): Promise<IncomingMessage> {
    const { hostname, port } = new URL(this.target.endpoint)
    return new Promise((resolve, reject) => {
      const { method, path, headers } = prepared
      const sent = this.#request({
        ...{ hostname, port, method, path, headers, agent: this.#agent },
        ...(signal === undefined ? {} : { signal }),
      })
      sent.setTimeout(IDLE_MS_MAX, () => sent.destroy(new Error(`silent for ${IDLE_MS_MAX} ms`)))
      sent.once('response', resolve)
      sent.once('error', (error) => {
        reject(new Unanswered(`send ${method} ${path}: ${error.message}`))
      })
      sent.end(prepared.body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
