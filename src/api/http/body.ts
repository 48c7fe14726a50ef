/** The body of a request as an async iterable, cheaper than the stream's own. */

import type { IncomingMessage } from 'node:http'
import { assert } from '../../base/assert.ts'
import { HttpError } from './errors.ts'

/** Pieces that may wait for the reader before the socket is paused. */
const PIECES_WAITING_MAX = 2

interface Waiter {
  readonly resolve: (result: IteratorResult<Uint8Array, undefined>) => void
  readonly reject: (error: HttpError) => void
}

const done: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined }

/**
 * Reads one request's body. At most a few pieces are held: the socket is paused beyond.
 *
 * Invariant: ends only when Content-Length bytes, or the last HTTP chunk, have come.
 */
export class RequestBody implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: IncomingMessage
  readonly #length: number | undefined
  readonly #beforeReading: () => void
  readonly #pieces: Uint8Array[] = []
  #waiter: Waiter | undefined
  #failure: HttpError | undefined
  #taken = false
  #listening = false
  #complete: boolean
  #receivedBytes = 0

  /** @param length of the body; undefined when it is chunked, 0 when there is none */
  constructor(source: IncomingMessage, length: number | undefined, beforeReading: () => void) {
    this.#source = source
    this.#length = length
    this.#beforeReading = beforeReading
    this.#complete = length === 0
  }

  /** Whether all of it came; nothing of it is then left in the connection. */
  get isComplete(): boolean {
    return this.#complete
  }

  /** Whether the reader waits for the client. */
  get isWaiting(): boolean {
    return this.#waiter !== undefined
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Bytes that the client has yet to send; undefined when the body is chunked. */
  get missingBytes(): number | undefined {
    return this.#length === undefined ? undefined : this.#length - this.#receivedBytes
  }

  [Symbol.asyncIterator](): this {
    assert(!this.#taken, 'a body is read once')
    this.#taken = true
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const piece = this.#pieces.shift()
    if (piece !== undefined) {
      if (this.#pieces.length === 0 && this.#source.isPaused()) this.#source.resume()
      return { done: false, value: piece }
    }
    if (this.#failure !== undefined) throw this.#failure
    if (this.#complete) return done
    if (!this.#listening) {
      this.#beforeReading()
      const early = this.#readEarly()
      if (early !== undefined) return { done: false, value: early }
      this.#listen()
    }
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject }
    })
  }

  /** The reader wants no more; what is left is up to `drain`. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#pieces.length = 0
    return done
  }

  /**
   * Reads and forgets up to `bytesMax`. Resolves to whether the body then is complete; `until`
   * ends it early. Called when no one reads any more.
   */
  async drain(bytesMax: number, until: Promise<void>): Promise<boolean> {
    this.#taken = true
    const limit = this.#receivedBytes + bytesMax
    let late = false
    const stopped = until.then(() => {
      late = true
    })
    while (!late && this.#receivedBytes < limit && !this.#complete) {
      this.#pieces.length = 0
      const next = this.next().then(
        (result) => result.done === true,
        () => true,
      )
      if ((await Promise.race([next, stopped])) === true) break
    }
    return this.#complete
  }

  /** Ends the body with `error`, unless all of it came. Called by the server. */
  fail(error: HttpError): void {
    if (this.#complete || this.#failure !== undefined) return
    this.#failure = error
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.reject(error)
  }

  /** A small body has often arrived with its head: taken without any listener. */
  #readEarly(): Uint8Array | undefined {
    if (this.#length === undefined || this.#source.readableLength !== this.#length) return undefined
    const piece = this.#source.read() as Uint8Array | null
    if (piece === null) return undefined
    this.#receivedBytes = piece.length
    this.#complete = true
    return piece
  }

  #listen(): void {
    this.#listening = true
    this.#source.on('data', (piece: Uint8Array) => this.#take(piece))
    this.#source.on('end', () => this.#finish())
    this.#source.on('error', () => this.#break())
    this.#source.on('close', () => this.#break())
    if (this.#source.destroyed) this.#break()
  }

  #take(piece: Uint8Array): void {
    this.#receivedBytes += piece.length
    if (this.#receivedBytes === this.#length) this.#complete = true
    const waiter = this.#waiter
    if (waiter !== undefined) {
      this.#waiter = undefined
      waiter.resolve({ done: false, value: piece })
      return
    }
    this.#pieces.push(piece)
    if (this.#pieces.length >= PIECES_WAITING_MAX) this.#source.pause()
  }

  #finish(): void {
    this.#complete = true
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.resolve(done)
  }

  #break(): void {
    this.fail(new HttpError('IncompleteBody', 'Cannot read the body: the client went away'))
  }
}
