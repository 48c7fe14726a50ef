/** One kept connection that sends prebuilt requests and reads answers as cheaply as can be. */

import { connect, type Socket } from 'node:net'
import { BLOCK_BYTES, CHUNK_BYTES, stamp } from './bodies.ts'
import type { Endpoint } from './sign.ts'

/** A server that says nothing for so long is taken as gone. */
const SILENCE_MS_MAX = 180_000
const ERROR_TEXT_MAX = 2_000

export interface BenchRequest {
  /** Request line and headers with the closing empty line. */
  readonly head: Buffer
  /** Bytes of the object that follows. */
  readonly bodyBytes: number
  /** Of its first block, where the body was signed; the connection takes its own otherwise. */
  readonly stamp?: number
  /** What stands before each chunk of an aws-chunked body, and last what stands after all. */
  readonly frames?: readonly Buffer[]
  /** How long the answer must be. */
  readonly answerBytes?: number
}

export interface BenchAnswer {
  readonly status: number
  readonly bytes: number
  /** Of its body, as it said: one that comes in chunks says none, one to HEAD has no body. */
  readonly length: number | undefined
  /** How the body of an error begins. */
  readonly text: string
}

/** What is left to read of the answer under way. */
interface Reading {
  status: number
  bytes: number
  /** Bytes of the body still to come; -1 while the head is read, -2 for chunks. */
  left: number
  isHead: boolean
  length: number | undefined
  text: string
  done: (answer: BenchAnswer) => void
  failed: (error: Error) => void
}

export class Connection {
  readonly #socket: Socket
  readonly #template: Buffer
  readonly #spare: Buffer
  #stamp: number
  #held: Buffer = Buffer.alloc(0)
  #reading: Reading | undefined

  private constructor(socket: Socket, template: Buffer, number: number) {
    this.#socket = socket
    // Two buffers in turn: one is stamped anew while the kernel takes the other.
    this.#template = Buffer.from(template)
    this.#spare = Buffer.from(template)
    this.#stamp = number * 2 ** 32
    socket.on('data', (piece: Buffer) => {
      this.#take(piece)
    })
    const fail = (error?: Error): void => {
      this.#reading?.failed(error ?? new Error('the connection was closed in an answer'))
    }
    socket.on('error', fail)
    socket.setTimeout(SILENCE_MS_MAX, () => {
      socket.destroy(new Error(`the server was silent for ${SILENCE_MS_MAX} ms`))
    })
    socket.on('close', () => {
      fail()
    })
  }

  static open(endpoint: Endpoint, template: Buffer, number: number): Promise<Connection> {
    const socket = connect({ host: endpoint.hostname, port: endpoint.port, noDelay: true })
    return new Promise((resolve, reject) => {
      socket.once('connect', () => {
        resolve(new Connection(socket, template, number))
      })
      socket.once('error', reject)
    })
  }

  /** Sends one request and resolves when its answer was read to the end. */
  async send(request: BenchRequest): Promise<BenchAnswer> {
    if (this.#socket.destroyed) throw new Error('the server closed a kept connection')
    const answer = new Promise<BenchAnswer>((done, failed) => {
      const isHead = request.head[0] === 0x48
      const unread = { status: 0, bytes: 0, left: -1, length: undefined, text: '' }
      this.#reading = { ...unread, isHead, done, failed }
    })
    // It may fail while the body is still being written, which then fails too.
    answer.catch(() => undefined)
    // A refusal comes while the body is still on its way, and says more than the broken pipe after it.
    const written = this.#write(request)
    written.catch(() => undefined)
    return Promise.race([answer, written.then(() => answer)])
  }

  close(): void {
    this.#reading = undefined
    this.#socket.destroy()
  }

  async #write(request: BenchRequest): Promise<void> {
    const { head, bodyBytes, frames } = request
    this.#socket.cork()
    this.#socket.write(head)
    let block = this.#template
    for (let at = 0; at < bodyBytes; at += BLOCK_BYTES) {
      const size = Math.min(bodyBytes - at, BLOCK_BYTES)
      stamp(block, this.#stampAt(request, at / BLOCK_BYTES), size)
      const pieces = framed(block.subarray(0, size), at, frames)
      const isLast = at + size === bodyBytes
      if (isLast) for (const piece of pieces) this.#socket.write(piece)
      else await this.#writeWhole(pieces)
      block = block === this.#template ? this.#spare : this.#template
    }
    if (frames !== undefined) this.#socket.write(frames.at(-1)!)
    this.#socket.uncork()
  }

  #stampAt(request: BenchRequest, index: number): number {
    if (request.stamp !== undefined) return request.stamp + index
    this.#stamp += 1
    return this.#stamp
  }

  /** Resolves when the kernel has taken all of them. */
  #writeWhole(pieces: readonly Buffer[]): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      for (const [index, piece] of pieces.entries()) {
        if (index < pieces.length - 1) {
          this.#socket.write(piece)
          continue
        }
        this.#socket.write(piece, (error) => {
          if (error) reject(error)
          else resolve()
        })
      }
      this.#socket.uncork()
    }).finally(() => {
      this.#socket.cork()
    })
  }

  #take(piece: Buffer): void {
    const reading = this.#reading
    if (reading === undefined) return
    if (reading.left === -1) {
      this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
      this.#readHead(reading)
      return
    }
    if (reading.status >= 400 && reading.text.length < ERROR_TEXT_MAX) {
      reading.text += piece.toString()
    }
    if (reading.left === -2) {
      this.#readChunks(reading, piece)
    } else {
      reading.bytes += piece.length
      reading.left -= piece.length
      if (reading.left <= 0) this.#finish(reading)
    }
  }

  #readHead(reading: Reading): void {
    const end = this.#held.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#held.toString('latin1', 0, end)
    const rest = this.#held.subarray(end + 4)
    this.#held = Buffer.alloc(0)
    const status = Number(head.slice(9, 12))
    if (status === 100) {
      this.#take(rest)
      return
    }
    reading.status = status
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    reading.length = length === undefined ? undefined : Number(length)
    const isEmpty = reading.isHead || status === 204 || status === 304
    reading.left = isEmpty ? 0 : (reading.length ?? -2)
    // So that the end is known of an answer that has the last chunk only.
    if (reading.left === -2) this.#held = Buffer.from('\r\n')
    if (reading.left === 0) this.#finish(reading)
    else if (rest.length > 0) this.#take(rest)
  }

  /** Chunks are only looked at for their end. */
  #readChunks(reading: Reading, piece: Buffer): void {
    reading.bytes += piece.length
    this.#held = Buffer.concat([this.#held, piece]).subarray(-7)
    if (this.#held.toString('latin1') === '\r\n0\r\n\r\n') {
      this.#held = Buffer.alloc(0)
      this.#finish(reading)
    }
  }

  #finish(reading: Reading): void {
    this.#reading = undefined
    const { status, bytes, length, text } = reading
    reading.done({ status, bytes, length, text })
  }
}

/** A block as it is sent: its chunks, each behind its frame, or all of it. */
function framed(
  block: Buffer,
  at: number,
  frames: readonly Buffer[] | undefined,
): readonly Buffer[] {
  if (frames === undefined) return [block]
  const pieces: Buffer[] = []
  for (let from = 0; from < block.length; from += CHUNK_BYTES) {
    pieces.push(frames[(at + from) / CHUNK_BYTES]!, block.subarray(from, from + CHUNK_BYTES))
  }
  return pieces
}
