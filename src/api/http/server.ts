/** One HTTP listener: the only code that makes node's server. */

import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { ServerOptions, ServerResponse } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import { assert } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import {
  CONNECTIONS_MAX,
  HEADER_BYTES_MAX,
  HEADERS_MS_MAX,
  INLINE_SIZE_BYTES_MAX,
  KEEP_ALIVE_MS,
  REQUESTS_IN_FLIGHT_MAX,
} from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'
import type { Rng } from '../../base/rng.ts'
import { TurnEnd } from '../../base/turn-end.ts'
import { rawAnswer } from './answer.ts'
import { type Arrival, Connection } from './connection.ts'
import { HttpError } from './errors.ts'
import { Exchange } from './exchange.ts'
import { type Head, readHead, unreadHead } from './head.ts'
import { IdleWatch, type Watched } from './idle-watch.ts'
import { type HttpHandler, type HttpResponse, isStreamed } from './response.ts'
import { Handshakes, makeTlsServer, secureContext, type TlsIdentity } from './tls/handshakes.ts'

type Socket = IncomingMessage['socket']

/** A request that the server itself refuses, or a handler or body that threw. */
export interface HttpFault {
  /** An `HttpError`, or whatever was thrown. */
  readonly error: unknown
  readonly requestId: string
  /** Raw target; '' when it could not be read. */
  readonly target: string
}

export interface HttpServerOptions {
  /** Port 0 takes any free one. */
  readonly bind: { readonly host: string; readonly port: number }
  /** Speaks TLS with it; absent: plain HTTP. */
  readonly tls?: TlsIdentity
  readonly handler: HttpHandler
  /** Renders what never reached the handler, in the words of this door (XML or JSON). */
  readonly renderFault: (fault: HttpFault) => HttpResponse
  readonly clock: Clock
  readonly log: Log
  readonly rng: Rng
  /** Header that carries the request id on every answer. @default 'x-amz-request-id' */
  readonly requestIdHeader?: string
  /** Names the request that has waited longest for a buffer: while it waits, slow clients go. */
  readonly oldestWaiter?: () => number | undefined
  /** Smaller bounds than `base/limits.ts` has, for tests. */
  readonly limits?: Partial<HttpLimits>
}

export interface HttpLimits {
  readonly connectionsMax: number
  readonly requestsInFlightMax: number
  readonly headersMsMax: number
  readonly keepAliveMs: number
}

export interface HttpServer {
  readonly address: { readonly host: string; readonly port: number }
  /** Requests that are being answered now. */
  readonly inFlightCount: number
  readonly connectionCount: number
  /** Shows another certificate from now on; open connections stay. Only of one that has TLS. */
  useIdentity(identity: TlsIdentity): void
  /** Takes nothing new, finishes what is in flight for up to `drainMs`, then closes everything. */
  stop(drainMs: number): Promise<void>
}

const defaultLimits: HttpLimits = {
  connectionsMax: CONNECTIONS_MAX,
  requestsInFlightMax: REQUESTS_IN_FLIGHT_MAX,
  headersMsMax: HEADERS_MS_MAX,
  keepAliveMs: KEEP_ALIVE_MS,
}

/** Connections beyond the limit that still get a 503; more than these are dropped. */
const SURPLUS_CONNECTIONS_MAX = 256

/**
 * Listens.
 *
 * @throws {HttpError} `ListenFailed`; its `details.systemCode` is the system's (`EADDRINUSE`)
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const listener = new Listener(options)
  await listener.listen()
  return listener
}

class Listener implements HttpServer {
  readonly #options: HttpServerOptions
  readonly #limits: HttpLimits
  readonly #server: Server
  /** The same server, where it speaks TLS. */
  readonly #tls: { readonly server: TlsServer; readonly handshakes: Handshakes } | undefined
  readonly #watch: IdleWatch
  readonly #turnEnd: TurnEnd
  readonly #connections = new Map<Socket, Connection>()
  readonly #idPrefix: string
  #requestCount = 0
  #isDraining = false
  address = { host: '', port: 0 }

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#watch = new IdleWatch(options.clock, options.oldestWaiter)
    this.#turnEnd = new TurnEnd(options.clock)
    this.#idPrefix = Buffer.from(options.rng.bytes(4)).toString('hex').toUpperCase()
    const { tls } = options
    if (tls === undefined) this.#server = createServer(serverOptions(this.#limits))
    else {
      const { headersMsMax } = this.#limits
      const wish = { ...serverOptions(this.#limits), handshakeTimeout: headersMsMax }
      const server = makeTlsServer(tls, wish)
      this.#tls = { server, handshakes: new Handshakes() }
      this.#tls.handshakes.watch(server, headersMsMax, (socket) => this.#refusePlain(socket))
      this.#server = server
    }
    this.#server.maxHeadersCount = 0
    this.#server.maxConnections = this.#limits.connectionsMax + SURPLUS_CONNECTIONS_MAX
    this.#attach()
  }

  get inFlightCount(): number {
    return this.#watch.count
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  useIdentity(identity: TlsIdentity): void {
    assert(this.#tls !== undefined, 'only a TLS listener has a certificate')
    this.#tls.server.setSecureContext(secureContext(identity))
  }

  listen(): Promise<void> {
    const { host, port } = this.#options.bind
    return new Promise((resolve, reject) => {
      const failed = (cause: NodeJS.ErrnoException): void => {
        reject(
          new HttpError('ListenFailed', `Cannot listen on ${host}:${port}: ${cause.message}`, {
            details: { systemCode: cause.code ?? '', host, port },
            cause,
          }),
        )
      }
      this.#server.once('error', failed)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', failed)
        this.#server.on('error', (error) => {
          this.#options.log.error({ error: error.message }, 'the listener failed')
        })
        const bound = this.#server.address()
        assert(typeof bound === 'object' && bound !== null, 'a TCP listener has an address')
        this.address = { host: bound.address, port: bound.port }
        this.#watch.start()
        resolve()
      })
    })
  }

  stop(drainMs: number): Promise<void> {
    this.#isDraining = true
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(drainMs, () => this.#server.closeAllConnections(), {
        keepAlive: true,
      })
      this.#server.close(() => {
        cancel()
        this.#watch.stop()
        resolve()
      })
      this.#tls?.handshakes.end()
      for (const connection of this.#connections.values()) {
        if (!connection.isBusy) connection.socket.destroySoon()
      }
    })
  }

  #attach(): void {
    const server = this.#server
    server.on(this.#tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      const isSurplus = this.#connections.size >= this.#limits.connectionsMax
      const connection = new Connection(socket, isSurplus, (arrival) => {
        this.#serve(connection, arrival)
      })
      this.#connections.set(socket, connection)
      socket.once('close', () => this.#connections.delete(socket))
    })
    const arrive = (raw: IncomingMessage, rawResponse: ServerResponse, waits: boolean): void => {
      this.#connections.get(raw.socket)?.arrive({ raw, rawResponse, expectsContinue: waits })
    }
    server.on('request', (raw, rawResponse) => arrive(raw, rawResponse, false))
    server.on('checkContinue', (raw, rawResponse) => arrive(raw, rawResponse, true))
    server.on('checkExpectation', (raw, rawResponse) => arrive(raw, rawResponse, true))
    server.on('clientError', (error, socket) => this.#refuseUnread(error, socket as Socket))
    server.on('connect', (raw, socket) => {
      const error = new HttpError('InvalidURI', 'Cannot serve CONNECT: this is no proxy')
      this.#endRaw(socket as Socket, error, raw.url ?? '')
    })
  }

  #serve(connection: Connection, arrival: Arrival): void {
    const { head, refusal } = this.#examine(connection, arrival)
    const exchange = new Exchange({ head, requestId: this.#nextRequestId(), ...arrival })
    const watched = new WatchedExchange(exchange, connection)
    connection.begin(exchange)
    this.#watch.add(watched)
    const answered =
      refusal === undefined
        ? this.#handle(exchange, connection)
        : this.#fault(exchange, connection, refusal)
    answered
      .catch((error: unknown) => this.#cut(exchange, connection, error))
      .finally(() => {
        this.#watch.delete(watched)
        connection.end()
      })
  }

  /** The head, and what keeps the request from its handler. */
  #examine(connection: Connection, arrival: Arrival): { head: Head; refusal?: HttpError } {
    let head: Head
    try {
      head = readHead(arrival.raw)
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      return { head: unreadHead, refusal: error }
    }
    const expect = arrival.expectsContinue ? head.headers.get('expect') : undefined
    // An empty list of expectations holds none.
    if (expect !== undefined && !/^(100-continue)?$/i.test(expect)) {
      const refusal = new HttpError(
        'ExpectationFailed',
        `Cannot meet the expectation: it is "${expect}", wanted "100-continue"`,
      )
      return { head, refusal }
    }
    if (connection.isSurplus || this.#watch.count >= this.#limits.requestsInFlightMax) {
      const refusal = new HttpError('SlowDown', 'Please reduce your request rate')
      return { head, refusal }
    }
    return { head }
  }

  async #handle(exchange: Exchange, connection: Connection): Promise<void> {
    let response: HttpResponse
    try {
      response = await this.#options.handler(exchange)
      // The client of a pipeline is awake already, and may end its side right behind its requests.
      const mayWait = !isStreamed(response.body) && !connection.isCatchingUp
      const turn = mayWait ? this.#turnEnd.waitFor(connection) : undefined
      if (turn !== undefined) await turn
    } catch (error) {
      await this.#fault(exchange, connection, error)
      return
    }
    try {
      await exchange.answer(response, this.#frame(exchange, connection, response), this.#clock)
    } catch (error) {
      if (exchange.rawResponse.headersSent) throw error
      await this.#fault(exchange, connection, error)
    }
  }

  async #fault(exchange: Exchange, connection: Connection, error: unknown): Promise<void> {
    const { requestId, target } = exchange
    if (!(error instanceof HttpError)) {
      const fields = { requestId, error: describe(error) }
      // Whoever went away ended whatever was waited for on its behalf: no fault of ours.
      if (exchange.rawResponse.destroyed) this.#options.log.debug(fields, 'a client went away')
      else this.#options.log.error(fields, 'a request failed')
    }
    const response = this.#render({ error, requestId, target })
    const closes = { ...response, close: true }
    await exchange.answer(closes, this.#frame(exchange, connection, closes), this.#clock)
  }

  #render(fault: HttpFault): HttpResponse {
    const response = this.#options.renderFault(fault)
    return response.status === 503 && !response.headers.some(([name]) => isRetryAfter(name))
      ? { ...response, headers: [...response.headers, ['Retry-After', '1']] }
      : response
  }

  get #clock(): Clock {
    return this.#options.clock
  }

  #frame(
    exchange: Exchange,
    connection: Connection,
    response: HttpResponse,
  ): Parameters<Exchange['answer']>[1] {
    return {
      requestId: exchange.requestId,
      requestIdHeader: this.#options.requestIdHeader ?? 'x-amz-request-id',
      method: exchange.method,
      close: this.#isDraining || connection.isBroken || response.close === true,
    }
  }

  /** The answer broke off: the client must see that, so the connection is reset. */
  #cut(exchange: Exchange, connection: Connection, error: unknown): void {
    if (!connection.socket.destroyed) {
      this.#options.log.warn(
        { requestId: exchange.requestId, error: describe(error) },
        'an answer broke off',
      )
    }
    connection.socket.destroy()
  }

  /** The parser gave up, or the head took too long. */
  #refuseUnread(cause: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Socket): void {
    const connection = this.#connections.get(socket)
    // Without a connection its handshake never ended: there is no way to say anything.
    if (cause.code === 'ECONNRESET' || !socket.writable || connection === undefined) {
      socket.destroy()
      return
    }
    const error = parserError(cause)
    if (connection.breakOff(error)) return
    this.#endRaw(socket, error, '')
  }

  /** A client that speaks plain HTTP to a TLS port is told so, in plain HTTP. */
  #refusePlain(socket: Socket): void {
    const text = 'Cannot serve plain HTTP: this port speaks TLS; write https:// instead of http://'
    socket.resume()
    this.#endRaw(socket, new HttpError('BadRequest', text), '')
  }

  #endRaw(socket: Socket, error: HttpError, target: string): void {
    const requestId = this.#nextRequestId()
    socket.on('error', () => undefined)
    socket.end(this.#raw(this.#render({ error, requestId, target }), requestId, ''), 'latin1', () =>
      socket.destroy(),
    )
  }

  #raw(response: HttpResponse, requestId: string, method: string): string {
    const requestIdHeader = this.#options.requestIdHeader ?? 'x-amz-request-id'
    return rawAnswer(response, { requestId, requestIdHeader, method, close: true })
  }

  #nextRequestId(): string {
    this.#requestCount += 1
    const count = this.#requestCount.toString(16).toUpperCase()
    return this.#idPrefix + count.padStart(8, '0')
  }
}

class WatchedExchange implements Watched {
  readonly #exchange: Exchange
  readonly #connection: Connection

  constructor(exchange: Exchange, connection: Connection) {
    this.#exchange = exchange
    this.#connection = connection
  }

  get waitsForClient(): boolean {
    return this.#exchange.waitsForClient
  }

  get movedBytes(): number {
    return this.#exchange.movedBytes
  }

  get mayHoldBuffer(): boolean {
    return this.#exchange.isWriting || this.#exchange.body.receivedBytes > INLINE_SIZE_BYTES_MAX
  }

  cut(): void {
    const error = new HttpError(
      'RequestTimeout',
      'Your socket connection to the server was not read from or written to in time',
    )
    this.#connection.isBroken = true
    if (this.#exchange.isWriting) this.#connection.socket.destroy()
    else this.#exchange.body.fail(error)
  }
}

function serverOptions(limits: HttpLimits): ServerOptions {
  return {
    maxHeaderSize: HEADER_BYTES_MAX,
    // Looked at every quarter, so three quarters are the deadline.
    headersTimeout: Math.floor((limits.headersMsMax * 3) / 4),
    connectionsCheckingInterval: Math.floor(limits.headersMsMax / 4),
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    noDelay: true,
    requireHostHeader: false,
    insecureHTTPParser: false,
  }
}

function parserError(cause: NodeJS.ErrnoException & { rawPacket?: Buffer }): HttpError {
  switch (cause.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HttpError(
        'RequestHeaderSectionTooLarge',
        `Cannot read the request: its headers are over ${HEADER_BYTES_MAX} bytes`,
      )
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpError('RequestTimeout', 'Cannot read the request: its headers took too long')
    case 'HPE_INVALID_METHOD':
      return /^[A-Za-z]{1,20} /.test(cause.rawPacket?.toString('latin1', 0, 21) ?? '')
        ? new HttpError('MethodNotAllowed', 'Cannot serve the request: unknown method')
        : new HttpError('BadRequest', 'Cannot read the request: it is not HTTP')
    case 'HPE_INVALID_URL':
      return new HttpError('InvalidURI', 'Cannot read the URI: it holds what no URI may')
    case 'HPE_INVALID_EOF_STATE':
      return new HttpError('IncompleteBody', 'Cannot read the body: the client ended it early')
    default:
      return new HttpError('BadRequest', `Cannot read the request: ${cause.code ?? 'not HTTP'}`)
  }
}

function isRetryAfter(name: string): boolean {
  return name.toLowerCase() === 'retry-after'
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
