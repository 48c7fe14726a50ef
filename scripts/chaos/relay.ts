/** TCP relays between nodes: every byte of a link passes one, which has the weather of its way. */

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Seeded } from '../../test/support/seeded.ts'

/** How it goes from one node to another; the way back has a weather of its own. */
export interface Weather {
  /** Nothing arrives. What was sent waits, as segments do that are sent again until they arrive. */
  isCut: boolean
  delayMs: number
  /** Of a hundred pieces: lost once, so that they and all behind them come later. */
  lossPercent: number
  /** Infinity: as fast as the machine. */
  bytesPerSecond: number
}

const FINE: Weather = { isCut: false, delayMs: 0, lossPercent: 0, bytesPerSecond: Infinity }
/** What TCP waits before it sends again, at least and at most. */
const RESEND_MS = [200, 400] as const
const PIECE_BYTES = 16 * 1024
const WAITING_BYTES_MAX = 256 * 1024
/** While a way is cut it is looked at again after this long. */
const CUT_LOOK_MS = 20

/** The way from one node to another. */
class Way {
  readonly weather: Weather = { ...FINE }
  readonly rng: Seeded
  /** When the last byte that was let through has left, at the speed of this way. */
  freeAt = 0

  constructor(rng: Seeded) {
    this.rng = rng
  }

  /** When a piece that comes now arrives. */
  arrivalOf(bytes: number, earliest: number): number {
    const now = performance.now()
    const { delayMs, lossPercent, bytesPerSecond } = this.weather
    this.freeAt = Math.max(this.freeAt, now) + (bytes / bytesPerSecond) * 1000
    const [least, most] = RESEND_MS
    const again = this.rng.percent(lossPercent) ? least + this.rng.below(most - least) : 0
    return Math.max(earliest, this.freeAt + delayMs + again)
  }
}

/** All ways of a cluster, and the relays that keep to them. */
export class Relays {
  readonly #ways = new Map<string, Way>()
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  readonly #rng: Seeded

  constructor(rng: Seeded) {
    this.#rng = rng
  }

  /** The weather from one node to another, to be changed by whoever makes faults. */
  weather(from: string, to: string): Weather {
    return this.#way(from, to).weather
  }

  calm(): void {
    for (const { weather } of this.#ways.values()) Object.assign(weather, FINE)
  }

  /** Opens the relay that `from` dials to reach `to`; resolves with its port. */
  async open(from: string, to: string, port: number): Promise<number> {
    const [there, back] = [this.#way(from, to), this.#way(to, from)]
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (dialler) => {
      this.#keep(dialler)
      void this.#link({ dialler, port, there, back })
    })
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #way(from: string, to: string): Way {
    const name = `${from}>${to}`
    let way = this.#ways.get(name)
    if (way === undefined) this.#ways.set(name, (way = new Way(this.#rng)))
    return way
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  async #link(link: Link): Promise<void> {
    const { dialler, port, there, back } = link
    // The first packets of a dial go there and back.
    while (there.weather.isCut || back.weather.isCut) {
      await pause(CUT_LOOK_MS)
      if (dialler.destroyed) return
    }
    const listener = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.#keep(listener)
    void pump(dialler, listener, there)
    void pump(listener, dialler, back)
  }
}

interface Link {
  readonly dialler: Socket
  readonly port: number
  readonly there: Way
  readonly back: Way
}

/** Carries what one socket brings to the other, in order and in the weather of the way. */
async function pump(source: Socket, target: Socket, way: Way): Promise<void> {
  const waiting: { readonly bytes: Buffer; readonly at: number }[] = []
  let waitingBytes = 0
  let lastAt = 0
  let isEnded = false
  let wake = (): void => undefined
  source.on('data', (bytes) => {
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
      const piece = bytes.subarray(from, from + PIECE_BYTES)
      lastAt = way.arrivalOf(piece.length, lastAt)
      waiting.push({ bytes: piece, at: lastAt })
    }
    waitingBytes += bytes.length
    if (waitingBytes > WAITING_BYTES_MAX) source.pause()
    wake()
  })
  const ended = (): void => {
    isEnded = true
    wake()
  }
  source.once('end', ended)
  source.once('close', ended)
  source.resume()
  for (;;) {
    const next = waiting[0]
    if (target.destroyed && next !== undefined) break
    if (next === undefined && isEnded && !way.weather.isCut) break
    if (next === undefined && !isEnded) {
      await new Promise<void>((resolve) => (wake = resolve))
      continue
    }
    if (way.weather.isCut) {
      await pause(CUT_LOOK_MS)
      continue
    }
    const left = (next?.at ?? 0) - performance.now()
    if (left > 0) {
      await pause(left)
      continue
    }
    waiting.shift()
    waitingBytes -= next!.bytes.length
    if (waitingBytes <= WAITING_BYTES_MAX) source.resume()
    if (!target.write(next!.bytes)) await drained(target)
  }
  // A process that died takes both directions with it; one that ended its half only that.
  if (source.destroyed) target.destroy()
  else target.end()
}

function drained(target: Socket): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      target.removeListener('drain', go)
      target.removeListener('close', go)
      resolve()
    }
    target.once('drain', go)
    target.once('close', go)
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
