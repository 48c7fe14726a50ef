/** One request and its answer on a connection: the seam between node's objects and ours. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { UNWANTED_BODY_BYTES_MAX, UNWANTED_BODY_MS_MAX } from '../../base/limits.ts'
import type { Clock } from '../../base/clock.ts'
import {
  type AnswerFrame,
  answerHeaders,
  flushed,
  sendsBody,
  streamAnswer,
  type WriteProgress,
} from './answer.ts'
import { RequestBody } from './body.ts'
import type { Head } from './head.ts'
import type { HttpRequest } from './request.ts'
import { type HttpResponse, isStreamed } from './response.ts'

/** Up to this is read before the answer, so that the connection can be used again. */
const SMALL_REST_BYTES_MAX = 256 * 1024

/** What an exchange is made of. */
export interface ExchangeParts {
  readonly raw: IncomingMessage
  readonly rawResponse: ServerResponse
  readonly head: Head
  readonly requestId: string
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean
}

/** A request as handlers see it, and the way back. */
export class Exchange implements HttpRequest, WriteProgress {
  readonly method: string
  readonly target: string
  readonly rawHeaders: readonly string[]
  readonly headers: ReadonlyMap<string, string>
  readonly body: RequestBody
  readonly bodyLength: number | undefined
  readonly chunked: boolean
  readonly requestId: string
  /** Node's own objects, for the koa bridge alone. */
  readonly raw: IncomingMessage
  readonly rawResponse: ServerResponse
  isWriting = false
  writtenBytes = 0
  #expectsContinue: boolean
  #abort: AbortController | undefined
  #lost = false

  constructor(parts: ExchangeParts) {
    const { raw, head } = parts
    this.raw = raw
    this.rawResponse = parts.rawResponse
    this.method = raw.method ?? ''
    this.target = raw.url ?? ''
    this.rawHeaders = raw.rawHeaders
    this.headers = head.headers
    this.bodyLength = head.bodyLength
    this.chunked = head.chunked
    this.requestId = parts.requestId
    this.#expectsContinue = parts.expectsContinue
    const length = head.chunked ? undefined : (head.bodyLength ?? 0)
    this.body = new RequestBody(raw, length, () => this.continueBody())
  }

  get remote(): string {
    return this.raw.socket.remoteAddress ?? ''
  }

  get isSecure(): boolean {
    return (this.raw.socket as { readonly encrypted?: boolean }).encrypted === true
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#lost) this.#abort.abort()
    return this.#abort.signal
  }

  continueBody(): void {
    if (!this.#expectsContinue) return
    this.#expectsContinue = false
    if (!this.rawResponse.headersSent) this.rawResponse.writeContinue()
  }

  /** The connection is gone. */
  lose(): void {
    this.#lost = true
    this.#abort?.abort()
  }

  /** Bytes that went either way since the last time it was asked, for the idle watch. */
  get movedBytes(): number {
    return this.body.receivedBytes + this.writtenBytes
  }

  /** Whether nothing but the client keeps this exchange from going on. */
  get waitsForClient(): boolean {
    return this.isWriting || this.body.isWaiting
  }

  /**
   * Sends the answer. What is left of the body is read within bounds, or the connection closed.
   *
   * @throws what the answer's pieces throw; see `streamAnswer`
   */
  async answer(response: HttpResponse, frame: AnswerFrame, clock: Clock): Promise<void> {
    if (this.body.isComplete || this.raw.complete) {
      await this.#send(response, frame)
      return
    }
    if (this.#expectsContinue) {
      await this.#send(response, { ...frame, close: true })
      return
    }
    const missing = this.body.missingBytes
    if (missing !== undefined && missing <= SMALL_REST_BYTES_MAX) {
      const complete = await this.#drain(SMALL_REST_BYTES_MAX, clock)
      await this.#send(response, complete ? frame : { ...frame, close: true })
      return
    }
    await this.#sendThenDrain(response, { ...frame, close: true }, clock)
  }

  async #send(response: HttpResponse, frame: AnswerFrame): Promise<void> {
    const { rawResponse } = this
    const start = (): void => {
      rawResponse.writeHead(response.status, answerHeaders(response, frame))
    }
    const { body } = response
    if (body === undefined || !sendsBody(response, this.method)) {
      start()
      rawResponse.end()
    } else if (isStreamed(body)) {
      await streamAnswer(rawResponse, start, body, this)
      rawResponse.end()
    } else {
      start()
      rawResponse.end(body)
    }
  }

  /**
   * A connection closed over unread bytes is reset, and the client may never see the answer: so
   * the answer goes first, then some of the rest is read, then the connection ends.
   */
  async #sendThenDrain(response: HttpResponse, frame: AnswerFrame, clock: Clock): Promise<void> {
    const { rawResponse } = this
    const { body } = response
    if (isStreamed(body)) {
      await this.#send(response, frame)
      return
    }
    rawResponse.writeHead(response.status, answerHeaders(response, frame))
    if (body !== undefined && sendsBody(response, this.method)) await flushed(rawResponse, body)
    else rawResponse.flushHeaders()
    await this.#drain(UNWANTED_BODY_BYTES_MAX, clock)
    rawResponse.end()
  }

  async #drain(bytesMax: number, clock: Clock): Promise<boolean> {
    let cancel = (): void => undefined
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(UNWANTED_BODY_MS_MAX, resolve, { keepAlive: true })
    })
    try {
      return await this.body.drain(bytesMax, late)
    } finally {
      cancel()
    }
  }
}
