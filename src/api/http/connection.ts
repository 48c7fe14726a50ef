/** One client connection: its requests are answered one after another, in the order they came. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { PIPELINED_REQUESTS_MAX } from '../../base/limits.ts'
import type { HttpError } from './errors.ts'
import type { Exchange } from './exchange.ts'

type Socket = IncomingMessage['socket']

/** A request that arrived while another of its connection was being answered. */
export interface Arrival {
  readonly raw: IncomingMessage
  readonly rawResponse: ServerResponse
  readonly expectsContinue: boolean
}

export class Connection {
  readonly socket: Socket
  /** Beyond the limit: its first request is answered 503. */
  readonly isSurplus: boolean
  /** The body broke off: nothing more can be read from it. */
  isBroken = false
  #busy = false
  #isCatchingUp = false
  #current: Exchange | undefined
  readonly #waiting: Arrival[] = []
  readonly #serve: (arrival: Arrival) => void

  constructor(socket: Socket, isSurplus: boolean, serve: (arrival: Arrival) => void) {
    this.socket = socket
    this.isSurplus = isSurplus
    this.#serve = serve
    socket.once('close', () => {
      this.#waiting.length = 0
      this.#current?.lose()
    })
  }

  /** Whether a request is being answered; a part of a head does not count. */
  get isBusy(): boolean {
    return this.#busy
  }

  /** Whether the request that is being answered stood behind another one of this connection. */
  get isCatchingUp(): boolean {
    return this.#isCatchingUp
  }

  /** Serves it now, or when those before it are answered. */
  arrive(arrival: Arrival): void {
    if (!this.#busy) {
      this.#busy = true
      this.#serve(arrival)
    } else if (this.#waiting.length < PIPELINED_REQUESTS_MAX) {
      this.#waiting.push(arrival)
    } else {
      this.socket.destroy()
    }
  }

  begin(exchange: Exchange): void {
    this.#current = exchange
  }

  /** The answer is on its way: the next request's turn. */
  end(): void {
    this.#current = undefined
    const next = this.#waiting.shift()
    this.#isCatchingUp = next !== undefined
    if (next === undefined) this.#busy = false
    else this.#serve(next)
  }

  /**
   * What came could not be parsed. A body that is being read fails with `error` and its handler
   * answers; says whether there was such a one.
   */
  breakOff(error: HttpError): boolean {
    this.isBroken = true
    const current = this.#current
    if (current === undefined || current.rawResponse.headersSent) return this.#busy
    current.body.fail(error)
    return true
  }
}
