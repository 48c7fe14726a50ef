/** Links over the network: WebSocket messages inside TLS 1.3, each end known by its ed25519 key. */

import { constants, type KeyObject } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { WebSocket, WebSocketServer, type RawData } from 'ws'
import type { NodeId } from '../../base/ids.ts'
import {
  HANDSHAKE_MS_MAX,
  HANDSHAKES_MAX,
  HANDSHAKES_PER_HOST_MAX,
  PEERS_MAX,
  WIRE_BYTES_MAX,
} from '../../base/limits.ts'
import {
  LinkError,
  type Address,
  type Link,
  type LinkEvents,
  type Listener,
  type Links,
} from '../../base/links.ts'
import { Places } from '../../base/places.ts'
import { nodeCertificate, nodeOfCertificate } from './certificate.ts'
import { lookUp } from './names.ts'

/** What both ends derive from the keys of the connection (RFC 8446, 7.5). */
const CHANNEL_LABEL = 'EXPORTER-hangar-mesh-1'
const CHANNEL_BYTES = 32
const PATH = '/hangar/mesh'
/** After `close`, what was sent gets this long to leave. */
const CLOSE_MS_MAX = 1_000
/** The close code of an end that meant it; the range is free for applications (RFC 6455). */
const CLOSED_BY_APPLICATION = 4000
const REASON_BYTES_MAX = 123

export interface WsLinksOptions {
  readonly nodeKey: KeyObject
  /** The local address that dials come from; the system's choice without it. */
  readonly outgoingHost?: string | undefined
}

interface Identified {
  readonly peer: NodeId
  readonly channel: Uint8Array
}

/** What both ends ask of TLS: no older version, a certificate of the other, nothing resumed. */
function tlsOptions(nodeKey: KeyObject): {
  readonly key: string
  readonly cert: string
  readonly minVersion: 'TLSv1.3'
  readonly requestCert: true
  readonly rejectUnauthorized: false
  readonly secureOptions: number
} {
  return {
    key: nodeKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    cert: nodeCertificate(nodeKey),
    minVersion: 'TLSv1.3',
    requestCert: true,
    // Certificates are signed by their own keys: it is the key that is compared, in `identify`.
    rejectUnauthorized: false,
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

/** No unbounded messages, no compression, few fragments (none are sent), no answers to pings. */
function socketOptions(): {
  readonly maxPayload: number
  readonly perMessageDeflate: false
  readonly autoPong: false
  readonly maxFragments: number
  readonly maxBufferedChunks: number
} {
  return {
    maxPayload: WIRE_BYTES_MAX,
    perMessageDeflate: false,
    autoPong: false,
    maxFragments: 16,
    maxBufferedChunks: 4096,
  }
}

/** The real `Links`. */
export function wsLinks(options: WsLinksOptions): Links {
  const secure = tlsOptions(options.nodeKey)
  return {
    dial: async (address, expected) => {
      const socket = await secureSocket(address, { ...secure, localAddress: options.outgoingHost })
      try {
        return await dialled(socket, address, expected)
      } catch (error) {
        socket.destroy()
        throw error
      }
    },
    listen: (address, accept) => listen(createServer(secure), address, accept),
  }
}

function secureSocket(
  address: Address,
  options: ReturnType<typeof tlsOptions> & { readonly localAddress: string | undefined },
): Promise<TLSSocket> {
  const { localAddress, ...secure } = options
  return new Promise((resolve, reject) => {
    const from = localAddress === undefined ? {} : { localAddress }
    const { host, port } = address
    const socket = connect({ ...secure, ...from, host, port, lookup: lookUp })
    const fail = (why: string, system: string | undefined): void => {
      clearTimeout(timer)
      socket.destroy()
      const text = `Cannot reach ${textOf(address)}: ${why}`
      reject(new LinkError('NoAnswer', text, { details: { system } }))
    }
    const timer = setTimeout(() => fail('no answer in time', 'ETIMEDOUT'), HANDSHAKE_MS_MAX)
    const onError = ({ code, message }: NodeJS.ErrnoException): void => {
      // Where a name has several addresses the message is empty: theirs are within.
      fail(message === '' ? String(code) : message.trim(), code)
    }
    socket.once('error', onError)
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      socket.removeListener('error', onError)
      resolve(socket)
    })
  })
}

function dialled(
  socket: TLSSocket,
  address: Address,
  expected: NodeId | undefined,
): Promise<WsLink> {
  const found = identify(socket)
  if (found === undefined) {
    throw new LinkError(
      'NoCertificate',
      `Cannot talk to ${textOf(address)}: it shows no node key; is this the address of another service?`,
    )
  }
  if (expected !== undefined && found.peer !== expected) {
    throw new LinkError(
      'OtherKey',
      `Cannot talk to ${textOf(address)}: node "${found.peer}" answers there, not "${expected}"; correct the id or the address`,
    )
  }
  const ends = {
    remote: address,
    reached: { ...address, host: reachedHost(socket) ?? address.host },
  }
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`ws://mesh${PATH}`, {
      ...socketOptions(),
      createConnection: () => socket,
      // The bytes are encrypted below: masking them again (RFC 6455) would only cost time.
      generateMask: (mask) => void mask.fill(0),
      handshakeTimeout: HANDSHAKE_MS_MAX,
    })
    const onError = (error: Error): void => {
      const why = `no mesh answers there (${error.message})`
      reject(new LinkError('NotAMesh', `Cannot talk to ${textOf(address)}: ${why}`))
    }
    ws.once('error', onError)
    ws.once('open', () => {
      ws.removeListener('error', onError)
      resolve(new WsLink(ws, found, ends))
    })
  })
}

/** Who is at the other end; undefined when it showed no key of its own in this very handshake. */
function identify(socket: TLSSocket): Identified | undefined {
  if (socket.isSessionReused() || socket.getProtocol() !== 'TLSv1.3') return undefined
  const peer = nodeOfCertificate(socket.getPeerX509Certificate())
  if (peer === undefined) return undefined
  const channel = socket.exportKeyingMaterial(CHANNEL_BYTES, CHANNEL_LABEL, Buffer.alloc(0))
  return { peer, channel: new Uint8Array(channel) }
}

async function listen(
  server: Server,
  address: Address,
  accept: (link: Link) => void,
): Promise<Listener> {
  const sockets = new Set<Socket>()
  const places = new Places(HANDSHAKES_MAX, HANDSHAKES_PER_HOST_MAX)
  const strangers = new Map<string, () => void>()
  const upgrade = new WebSocketServer({
    ...socketOptions(),
    noServer: true,
    clientTracking: false,
  })
  server.maxConnections = 2 * PEERS_MAX + HANDSHAKES_MAX
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const leave = places.take(socket.remoteAddress ?? '')
    if (leave === undefined) {
      socket.destroy()
      return
    }
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS_MAX).unref()
    const settled = (): void => {
      clearTimeout(timer)
      leave()
      // Another socket may have come under this name before this one has said that it is closed.
      if (strangers.get(name) === settled) strangers.delete(name)
    }
    strangers.set(name, settled)
    socket.once('close', settled)
  })
  server.on('request', (_request, response) => {
    response.writeHead(426, { connection: 'close' }).end('This port speaks to nodes only.\n')
  })
  server.on('upgrade', (request, socket, head) => {
    const secure = socket as TLSSocket
    const found = request.url === PATH ? identify(secure) : undefined
    if (found === undefined) {
      socket.destroy()
      return
    }
    upgrade.handleUpgrade(request, socket, head, (ws) => {
      strangers.get(nameOf(secure))?.()
      const remote = { host: secure.remoteAddress ?? '', port: secure.remotePort ?? 0 }
      accept(new WsLink(ws, found, { remote, reached: remote }))
    })
  })
  // Broken handshakes are their sender's business; the sockets end by themselves.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
  return { address: { host: address.host, port }, close: () => closeServer(server, sockets) }
}

/** Undefined where the address of the connection leads nowhere by itself: that of one link lacks its zone. */
function reachedHost({ remoteAddress }: Socket): string | undefined {
  return remoteAddress?.startsWith('fe80:') === true ? undefined : remoteAddress
}

function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}

function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, CLOSE_MS_MAX)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}

class WsLink implements Link {
  readonly peer: NodeId
  readonly channel: Uint8Array
  readonly remote: Address
  readonly reached: Address
  readonly #ws: WebSocket
  #events: LinkEvents | undefined
  /** It was told to close. */
  #isClosing = false
  #isClosed = false
  #reason = ''

  constructor(ws: WebSocket, identified: Identified, ends: Pick<Link, 'remote' | 'reached'>) {
    this.#ws = ws
    this.peer = identified.peer
    this.channel = identified.channel
    this.remote = ends.remote
    this.reached = ends.reached
    ws.pause()
    ws.on('message', (data, isBinary) => this.#take(data, isBinary))
    ws.on('ping', () => this.#end('the peer pings, which no node does'))
    ws.on('error', (error) => (this.#reason ||= error.message))
    ws.once('close', (_code, reason) => {
      this.#isClosed = true
      this.#events?.closed(this.#reason || reason.toString('utf8') || 'the connection was lost')
    })
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount
  }

  listen(events: LinkEvents): void {
    this.#events = events
    const reason = this.#reason || 'the connection was lost'
    // Later, as everything on a link: whoever listens is not ready before this returns.
    if (this.#isClosed) queueMicrotask(() => events.closed(reason))
    else this.#ws.resume()
  }

  send(chunks: readonly Uint8Array[]): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return
    this.#ws.send(Buffer.concat(chunks), () => {
      if (!this.#isClosed) this.#events?.drained()
    })
  }

  close(reason: string): void {
    if (this.#isClosed || this.#isClosing) return
    this.#isClosing = true
    this.#reason ||= reason
    if (this.#ws.readyState === WebSocket.OPEN) {
      const text = Buffer.from(reason, 'utf8').subarray(0, REASON_BYTES_MAX).toString('latin1')
      this.#ws.close(CLOSED_BY_APPLICATION, text.replace(/[^ -~]/g, '?'))
    }
    // Also where the peer has ended its side: it may never take what still waits for it.
    setTimeout(() => this.#ws.terminate(), CLOSE_MS_MAX).unref()
  }

  #take(data: RawData, isBinary: boolean): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return
    if (!isBinary) {
      this.#end('the peer sends text, which no node does')
      return
    }
    const bytes = data as Buffer
    this.#events?.message(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  }

  #end(reason: string): void {
    this.#reason ||= reason
    this.#ws.terminate()
  }
}

function textOf(address: Address): string {
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`
}
