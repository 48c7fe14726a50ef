/** One kept connection that sends prebuilt requests and reads answers as cheaply as can be. */

import { connect, type Socket } from 'node:net'
import type { Endpoint } from './presign.ts'

const MIB = 1024 * 1024

export interface BenchRequest {
  /** Request line and headers with the closing empty line. */
  readonly head: Buffer
  /** Bytes of the body that follows. */
  readonly bodyBytes: number
}

export interface BenchAnswer {
  readonly status: number
  readonly bytes: number
}

/** What is left to read of the answer under way. */
interface Reading {
  status: number
  bytes: number
  /** Bytes of the body still to come; -1 while the head is read, -2 for chunks. */
  left: number
  isHead: boolean
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
    const answer = new Promise<BenchAnswer>((done, failed) => {
      const isHead = request.head[0] === 0x48
      this.#reading = { status: 0, bytes: 0, left: -1, isHead, done, failed }
    })
    await this.#write(request)
    return answer
  }

  close(): void {
    this.#reading = undefined
    this.#socket.destroy()
  }

  async #write({ head, bodyBytes }: BenchRequest): Promise<void> {
    this.#socket.cork()
    this.#socket.write(head)
    let left = bodyBytes
    let block = this.#template
    while (left > 0) {
      const size = Math.min(left, MIB)
      this.#stamp += 1
      // No two blocks alike, of whatever size the server cuts them.
      for (let at = 0; at + 8 <= size; at += 65_536) block.writeDoubleLE(this.#stamp, at)
      left -= size
      const piece = block.subarray(0, size)
      if (left === 0) this.#socket.write(piece)
      else await this.#writeWhole(piece)
      block = block === this.#template ? this.#spare : this.#template
    }
    this.#socket.uncork()
  }

  #writeWhole(piece: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(piece, (error) => {
        if (error) reject(error)
        else resolve()
      })
      this.#socket.uncork()
    })
  }

  #take(piece: Buffer): void {
    const reading = this.#reading
    if (reading === undefined) return
    if (reading.left === -1) {
      this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
      this.#readHead(reading)
    } else if (reading.left === -2) {
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
    if (reading.isHead || status === 204 || status === 304) reading.left = 0
    else reading.left = length === undefined ? -2 : Number(length)
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
    reading.done({ status: reading.status, bytes: reading.bytes })
  }
}
