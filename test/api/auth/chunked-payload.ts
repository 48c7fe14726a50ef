/** The client's side of aws-chunked, written from the documentation, apart from our decoder. */

import { createHash, createHmac } from 'node:crypto'

export interface Signer {
  readonly secret: string
  readonly amzDate: string
  readonly region: string
  readonly seed: string
}

export interface Trailer {
  readonly name: string
  readonly value: string
  /** @default '\r\n' */
  readonly end?: string
}

const sha256 = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex')
const hmac = (key: Uint8Array | string, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest()

/** One body: chunks of the given data, then the last chunk and the trailer. */
export function encodeChunks(
  chunks: readonly Uint8Array[],
  options: { readonly signer?: Signer; readonly trailer?: Trailer },
): Buffer {
  const { signer, trailer } = options
  const sign = signer === undefined ? undefined : chainOf(signer)
  const parts: (Uint8Array | string)[] = []
  for (const chunk of [...chunks, new Uint8Array()]) {
    const size = chunk.length.toString(16)
    parts.push(sign === undefined ? size : `${size};chunk-signature=${sign.chunk(chunk)}`, '\r\n')
    if (chunk.length > 0) parts.push(chunk, '\r\n')
  }
  if (trailer !== undefined) {
    parts.push(`${trailer.name}:${trailer.value}${trailer.end ?? '\r\n'}`)
    if (sign !== undefined) parts.push(`x-amz-trailer-signature:${sign.trailer(trailer)}\r\n`)
  }
  parts.push('\r\n')
  return Buffer.concat(parts.map((part) => Buffer.from(part)))
}

function chainOf({ secret, amzDate, region, seed }: Signer): {
  chunk: (data: Uint8Array) => string
  trailer: (trailer: Trailer) => string
} {
  const date = amzDate.slice(0, 8)
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), 's3'), 'aws4_request')
  const scope = `${date}/${region}/s3/aws4_request`
  let before = seed
  const link = (text: string): string => (before = hmac(key, text).toString('hex'))
  return {
    chunk: (data) =>
      link(
        ['AWS4-HMAC-SHA256-PAYLOAD', amzDate, scope, before, sha256(''), sha256(data)].join('\n'),
      ),
    trailer: ({ name, value }) =>
      link(
        ['AWS4-HMAC-SHA256-TRAILER', amzDate, scope, before, sha256(`${name}:${value}\n`)].join(
          '\n',
        ),
      ),
  }
}

/** Cuts bytes at the given places, which may be in any order and repeat. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places, bytes.length].map((n) => Math.min(n, bytes.length)).sort((a, b) => a - b)
  let start = 0
  return ends.map((end) => {
    const piece = bytes.subarray(start, end)
    start = end
    return piece
  })
}
