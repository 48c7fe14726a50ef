/** Builds requests ahead of the clock, signed for one endpoint and one moment. */

import { chunkedLength, CRC64_TRAILER, type Bodies, type ChunkMode } from './bodies.ts'
import type { BenchRequest } from './connection.ts'
import { Signer, type Endpoint } from './sign.ts'

const PAYLOADS: Readonly<Record<ChunkMode, string>> = {
  signed: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'signed-trailer': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  'unsigned-trailer': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
}

export class Requests {
  readonly #endpoint: Endpoint
  readonly #bucket: string
  readonly #bodies: Bodies
  readonly #signer: Signer

  constructor(endpoint: Endpoint, bucket: string, bodies: Bodies) {
    this.#endpoint = endpoint
    this.#bucket = bucket
    this.#bodies = bodies
    this.#signer = new Signer(endpoint, new Date())
  }

  /** Presigned, payload unsigned. */
  plain(method: string, key: string, bodyBytes = 0): BenchRequest {
    return this.#presigned(method, this.#signer.target(method, this.#path(key)), bodyBytes)
  }

  /** GET or HEAD. */
  read(method: string, key: string, bytes: number): BenchRequest {
    return { ...this.plain(method, key), answerBytes: bytes }
  }

  list(query: Readonly<Record<string, string>>): { url: string; request: BenchRequest } {
    const values = { 'list-type': '2', ...query }
    const target = this.#signer.target('GET', `/${this.#bucket}`, values)
    return {
      url: `http://${this.#endpoint.host}${target}`,
      request: this.#presigned('GET', target, 0),
    }
  }

  /** The digest of the whole payload is in the signed headers. */
  digested(key: string, bytes: number): BenchRequest {
    const body = this.#bodies.make(bytes)
    const path = this.#path(key)
    const { lines } = this.#signer.put(path, {
      'content-length': `${bytes}`,
      'x-amz-content-sha256': this.#bodies.sha256(body),
    })
    const head = Buffer.from(`PUT ${path} HTTP/1.1\r\n${lines}\r\n`)
    return { head, bodyBytes: bytes, stamp: body.stamp }
  }

  /** aws-chunked in pieces of 64 KiB; a trailer tells the CRC64NVME. */
  async chunked(key: string, bytes: number, mode: ChunkMode): Promise<BenchRequest> {
    const body = this.#bodies.make(bytes)
    const path = this.#path(key)
    const { lines, signature } = this.#signer.put(path, {
      'content-encoding': 'aws-chunked',
      'content-length': `${chunkedLength(bytes, mode)}`,
      'x-amz-content-sha256': PAYLOADS[mode],
      'x-amz-decoded-content-length': `${bytes}`,
      ...(mode === 'signed' ? {} : { 'x-amz-trailer': CRC64_TRAILER }),
    })
    const frames = await this.#bodies.frames(body, mode, { signer: this.#signer, seed: signature })
    const head = Buffer.from(`PUT ${path} HTTP/1.1\r\n${lines}\r\n`)
    return { head, bodyBytes: bytes, stamp: body.stamp, frames }
  }

  #path(key: string): string {
    return `/${this.#bucket}/${key}`
  }

  #presigned(method: string, target: string, bodyBytes: number): BenchRequest {
    const { host } = this.#endpoint
    const length = method === 'PUT' ? `Content-Length: ${bodyBytes}\r\n` : ''
    const head = Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${length}\r\n`)
    return { head, bodyBytes }
  }
}
