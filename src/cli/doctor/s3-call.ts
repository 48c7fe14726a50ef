/** Signed requests to any S3 endpoint, one connection each, no retries. */

import aws4 from 'aws4'
import { createHash } from 'node:crypto'
import { httpCall, type HttpReply, type Trust } from '../http-call.ts'

export interface S3Place {
  readonly endpoint: URL
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly trust: Trust
}

export interface S3Call {
  readonly method: string
  readonly bucket?: string
  readonly key?: string
  /** Sorted by the signer; values as they are. */
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  /** Puts the bucket into the host name. @default false */
  readonly isVirtualHost?: boolean
}

export interface S3Reply extends HttpReply {
  readonly text: string
  /** `Code` of an error document; '' where there is none. */
  readonly code: string
}

const CALL_MS_MAX = 20_000

/** @throws {Error} of the system or of TLS */
export async function s3Call(place: S3Place, call: S3Call): Promise<S3Reply> {
  const { region, accessKeyId, secretAccessKey, trust } = place
  const body = call.body ?? Buffer.alloc(0)
  const url = new URL(place.endpoint)
  const inHost = call.isVirtualHost === true && call.bucket !== undefined
  if (inHost) url.hostname = `${call.bucket}.${url.hostname}`
  const parts = inHost ? [call.key] : [call.bucket, call.key]
  const query = Object.entries(call.query ?? {})
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&')
  const path = `/${parts.filter((part) => part !== undefined).join('/')}`
  const signed = aws4.sign(
    {
      ...{ service: 's3', region, method: call.method },
      path: query === '' ? path : `${path}?${query}`,
      headers: {
        ...{ host: url.host, ...call.headers },
        'content-length': String(body.length),
        'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
      },
    },
    { accessKeyId, secretAccessKey },
  )
  const headers = signed.headers as Record<string, string>
  const target = new URL(`${url.origin}${signed.path ?? path}`)
  const wish = { url: target, method: call.method, headers, body, trust, msMax: CALL_MS_MAX }
  return asReply(await httpCall(wish))
}

export function asReply(reply: HttpReply): S3Reply {
  const text = reply.body.toString()
  return { ...reply, text, code: /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? '' }
}

/** Status and code as a sentence shows them. */
export function answerText({ status, code, text }: S3Reply): string {
  const message = /<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? ''
  return `${status}${code === '' ? '' : ` ${code}`}${message === '' ? '' : `: ${message.slice(0, 160)}`}`
}
