/** How a request's body is framed and signed: every payload mode of SigV4 that S3 knows. */

import { createHash, createHmac } from 'node:crypto'
import { checksumOf, headerOf, type Algorithm } from './checksums.ts'

export type PayloadMode =
  | 'hex'
  | 'UNSIGNED-PAYLOAD'
  | 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
  | 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
  | 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'

export const PAYLOAD_MODES: readonly PayloadMode[] = [
  'hex',
  'UNSIGNED-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
]

/** What the chunks of a body are signed with. */
export interface ChunkKey {
  readonly secretAccessKey: string
  /** As in `x-amz-date`. */
  readonly datetime: string
  readonly region: string
  /** The signature of the request itself, from which the chain of the chunks begins. */
  readonly seedSignature: string
}

export interface Payload {
  readonly body: Buffer
  readonly mode: PayloadMode
  /** Sent as trailer in the two modes that have one. */
  readonly trailer?: Algorithm
  /** Bytes of a chunk; S3 wants 8 KiB at least but for the last. */
  readonly chunkBytes?: number
}

const CHUNK_BYTES = 64 * 1024
const EMPTY_SHA256 = createHash('sha256').digest('hex')

export function sha256Hex(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex')
}

function isStreaming(mode: PayloadMode): boolean {
  return mode.startsWith('STREAMING-')
}

/** The headers that announce the payload; they are signed with the request. */
export function payloadHeaders(payload: Payload): Record<string, string> {
  const { body, mode } = payload
  const headers: Record<string, string> = {
    'x-amz-content-sha256': mode === 'hex' ? sha256Hex(body) : mode,
  }
  if (!isStreaming(mode)) {
    headers['content-length'] = `${body.length}`
    return headers
  }
  headers['x-amz-decoded-content-length'] = `${body.length}`
  headers['content-encoding'] = 'aws-chunked'
  if (mode.endsWith('-TRAILER')) headers['x-amz-trailer'] = headerOf(payload.trailer ?? 'CRC32')
  headers['content-length'] = `${encodedLength(payload)}`
  return headers
}

function encodedLength(payload: Payload): number {
  const blank = { secretAccessKey: '', datetime: '', region: '', seedSignature: '' }
  let length = 0
  for (const piece of encodedPieces(payload, blank)) length += piece.length
  return length
}

/** The bytes that go over the wire. */
export function encodedBody(payload: Payload, key: ChunkKey): Buffer {
  if (!isStreaming(payload.mode)) return payload.body
  return Buffer.concat([...encodedPieces(payload, key)])
}

/**
 * Source: S3 API reference, "Signature calculations: transferring payload in multiple chunks",
 * with and without trailing headers.
 */
function* encodedPieces(payload: Payload, key: ChunkKey): Generator<Buffer> {
  const chain = payload.mode.includes('HMAC') ? new ChunkChain(key) : undefined
  const size = payload.chunkBytes ?? CHUNK_BYTES
  for (let at = 0; at < payload.body.length; at += size) {
    const chunk = payload.body.subarray(at, at + size)
    yield chunkHead(chunk, chain)
    yield chunk
    yield Buffer.from('\r\n')
  }
  yield chunkHead(Buffer.alloc(0), chain)
  if (payload.mode.endsWith('-TRAILER')) yield trailerOf(payload, chain)
  yield Buffer.from('\r\n')
}

function chunkHead(chunk: Buffer, chain: ChunkChain | undefined): Buffer {
  const extension = chain === undefined ? '' : `;chunk-signature=${chain.ofChunk(chunk)}`
  return Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`)
}

function trailerOf(payload: Payload, chain: ChunkChain | undefined): Buffer {
  const algorithm = payload.trailer ?? 'CRC32'
  const line = `${headerOf(algorithm)}:${checksumOf(algorithm, payload.body)}`
  const signature =
    chain === undefined ? '' : `x-amz-trailer-signature:${chain.ofTrailer(`${line}\n`)}\r\n`
  return Buffer.from(`${line}\r\n${signature}`)
}

class ChunkChain {
  readonly #key: ChunkKey
  readonly #signingKey: Buffer
  #previous: string

  constructor(key: ChunkKey) {
    this.#key = key
    this.#previous = key.seedSignature
    const steps = [key.datetime.slice(0, 8), key.region, 's3', 'aws4_request']
    let derived = Buffer.from(`AWS4${key.secretAccessKey}`)
    for (const step of steps) derived = createHmac('sha256', derived).update(step).digest()
    this.#signingKey = derived
  }

  ofChunk(chunk: Buffer): string {
    return this.#sign('AWS4-HMAC-SHA256-PAYLOAD', [EMPTY_SHA256, sha256Hex(chunk)])
  }

  ofTrailer(lines: string): string {
    return this.#sign('AWS4-HMAC-SHA256-TRAILER', [sha256Hex(lines)])
  }

  #sign(kind: string, hashes: readonly string[]): string {
    const { datetime, region } = this.#key
    const scope = `${datetime.slice(0, 8)}/${region}/s3/aws4_request`
    const text = [kind, datetime, scope, this.#previous, ...hashes].join('\n')
    this.#previous = createHmac('sha256', this.#signingKey).update(text).digest('hex')
    return this.#previous
  }
}
