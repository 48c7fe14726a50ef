/** What a listener needs to speak TLS: its server, and a word for clients that speak plain HTTP. */

import { createServer, type Server } from 'node:https'
import type { ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import { createSecureContext } from 'node:tls'

/** A certificate, with those that lead to its authority, and its private key: both as PEM. */
export interface TlsIdentity {
  readonly certificate: string
  readonly key: string
}

/** Older ones are broken (RFC 8996). */
const TLS_VERSION_MIN = 'TLSv1.2'
/** The first byte of every TLS connection: a record of the handshake (RFC 8446, 5.1). */
const HANDSHAKE_RECORD = 0x16

/** @throws what OpenSSL throws when the two cannot be used */
export function makeTlsServer(
  identity: TlsIdentity,
  options: ServerOptions & { readonly handshakeTimeout: number },
): Server {
  return createServer({ ...options, ...secureContext(identity) })
}

/** What new connections are shown; those that are open stay as they are. */
export function secureContext({ certificate, key }: TlsIdentity): {
  readonly cert: string
  readonly key: string
  readonly minVersion: typeof TLS_VERSION_MIN
} {
  return { cert: certificate, key, minVersion: TLS_VERSION_MIN }
}

/** @throws what OpenSSL throws when the two cannot be used */
export function tryIdentity(identity: TlsIdentity): void {
  createSecureContext(secureContext(identity))
}

/** Connections of a TLS server, from the first byte to the end of the handshake. */
export class Handshakes {
  readonly #pending = new Map<string, Socket>()

  /**
   * Looks at the first byte of every connection: TLS goes on to the handshake, anything else to
   * `refuse`. Silence for `silenceMs` ends it.
   */
  watch(server: Server, silenceMs: number, refuse: (socket: Socket) => void): void {
    const shake = server.listeners('connection') as ((socket: Socket) => void)[]
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      const name = nameOf(socket)
      this.#pending.set(name, socket)
      socket.once('close', () => {
        if (this.#pending.get(name) === socket) this.#pending.delete(name)
      })
      // Until TLS has taken over nobody else hears of it.
      socket.on('error', () => socket.destroy())
      const onSilence = (): void => void socket.destroy()
      socket.setTimeout(silenceMs, onSilence)
      socket.once('readable', () => {
        const first = socket.read() as Buffer | null
        if (first === null) {
          socket.destroy()
          return
        }
        socket.setTimeout(0)
        socket.off('timeout', onSilence)
        if (first[0] !== HANDSHAKE_RECORD) {
          refuse(socket)
          return
        }
        socket.unshift(first)
        for (const begin of shake) begin.call(server, socket)
      })
    })
    server.on('secureConnection', (socket) => this.#pending.delete(nameOf(socket)))
  }

  /** Ends those that are not through yet. */
  end(): void {
    for (const socket of this.#pending.values()) socket.destroy()
  }
}

/** The other end: TLS hands out another object for the same connection. */
function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}
