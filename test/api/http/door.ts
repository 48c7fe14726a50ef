/** A real listener on loopback, raw sockets to it, and a clock that tests turn by hand. */

import { connect, type Socket } from 'node:net'
import { type TestContext } from 'node:test'
import type { Clock } from '../../../src/base/clock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import type { HttpHandler, HttpResponse } from '../../../src/api/http/response.ts'
import {
  type HttpFault,
  type HttpServer,
  type HttpServerOptions,
  startHttpServer,
} from '../../../src/api/http/server.ts'
import { xmlDocument } from '../../../src/api/http/xml.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { systemRng } from '../../../src/node/system/rng.ts'

/** Time that moves only when told to. */
export class HandClock implements Clock {
  micros = 1_700_000_000_000_000
  #actions: { at: number; action: () => void }[] = []

  wallMicros(): number {
    return this.micros
  }

  monotonicMicros(): number {
    return this.micros
  }

  after(delayMs: number, action: () => void): () => void {
    const entry = { at: this.micros + delayMs * 1000, action }
    this.#actions.push(entry)
    return () => {
      this.#actions = this.#actions.filter((other) => other !== entry)
    }
  }

  soon(action: () => void): void {
    systemClock.soon(action)
  }

  /** Moves on in steps of a second, calling what is due. */
  advance(ms: number): void {
    const end = this.micros + ms * 1000
    while (this.micros < end) {
      this.micros = Math.min(end, this.micros + 1_000_000)
      for (const entry of [...this.#actions]) {
        if (entry.at > this.micros || !this.#actions.includes(entry)) continue
        this.#actions = this.#actions.filter((other) => other !== entry)
        entry.action()
      }
    }
  }
}

/** Answers with the body it got. */
export const echo: HttpHandler = async (request) => {
  const body = await readAll(request.body)
  return { status: 200, headers: [['X-Target', request.target]], body }
}

export const hello: HttpHandler = async () => ({ status: 200, headers: [], body: 'hello' })

/** What follows method and target. */
export const HEAD = 'HTTP/1.1\r\nHost: localhost\r\n'

export function renderFault({ error, requestId }: HttpFault): HttpResponse {
  const known = error instanceof HttpError ? error : new HttpError('InternalError', 'It failed')
  return {
    status: known.status,
    headers: [['Content-Type', 'application/xml']],
    body: xmlDocument('Error', (xml) => {
      xml.leaf('Code', known.code)
      xml.leaf('Message', known.message)
      xml.leaf('RequestId', requestId)
    }),
  }
}

export async function openDoor(
  t: TestContext,
  handler: HttpHandler,
  options: Partial<HttpServerOptions> = {},
): Promise<HttpServer> {
  const server = await startHttpServer({
    bind: { host: '127.0.0.1', port: 0 },
    handler,
    renderFault,
    clock: systemClock,
    log: silentLog,
    rng: systemRng(),
    ...options,
  })
  t.after(() => server.stop(0))
  return server
}

/** A raw connection and all that came back on it. */
export class RawClient {
  readonly socket: Socket
  readonly closed: Promise<void>
  received = Buffer.alloc(0)

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (piece) => {
      this.received = Buffer.concat([this.received, piece])
    })
    this.socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()))
  }

  get text(): string {
    return this.received.toString('latin1')
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Waits until what came matches; gives up after what no loaded machine takes. */
  async until(pattern: RegExp, ms = 30_000): Promise<string> {
    const end = Date.now() + ms
    while (!pattern.test(this.text)) {
      if (Date.now() > end) throw new Error(`waited for ${pattern.source}, got:\n${this.text}`)
      await turn()
    }
    return this.text
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2))
}

/** Sends `bytes`, waits for the server to close, and returns what it said. */
export async function ask(port: number, bytes: string): Promise<string> {
  const client = new RawClient(port)
  client.send(bytes)
  let watch: NodeJS.Timeout | undefined
  // Gives up once nothing comes any more: how long an answer takes depends on the machine.
  await Promise.race([
    client.closed,
    new Promise<void>((resolve) => {
      let seen = -1
      watch = setInterval(() => {
        if (client.text.length === seen) resolve()
        seen = client.text.length
      }, 3000)
    }),
  ])
  clearInterval(watch)
  client.socket.destroy()
  return client.text
}

export async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const kept: Buffer[] = []
  for await (const piece of pieces) kept.push(Buffer.from(piece))
  return Buffer.concat(kept)
}
