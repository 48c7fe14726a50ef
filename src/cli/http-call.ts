/** One HTTP or HTTPS request of the command line, on a connection of its own. */

import { X509Certificate } from 'node:crypto'
import { request as plainRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as secureRequest } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'

/** Whom to believe over TLS. */
export interface Trust {
  /** Certificates of authorities (PEM) beside those of the system. */
  readonly authority?: string | undefined
  /** The very certificate (PEM) that the other end must show; its names and dates do not count. */
  readonly pinned?: string | undefined
}

export interface HttpCall {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string | undefined
  readonly trust?: Trust
  /** For all of it. */
  readonly msMax: number
}

export interface HttpReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** What the other end showed; undefined over plain HTTP. */
  readonly certificate: X509Certificate | undefined
}

/** @throws {Error} of the system or of TLS, its `code` says which */
export async function httpCall(call: HttpCall): Promise<HttpReply> {
  const { url, method, headers, body, msMax, trust = {} } = call
  const signal = AbortSignal.timeout(msMax)
  const wish = { method, headers: { ...headers }, signal }
  const { pinned } = trust
  const socket =
    pinned !== undefined && url.protocol === 'https:' ? await pinnedSocket(url, pinned) : undefined
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent =
      url.protocol === 'https:'
        ? secureRequest(url, {
            ...wish,
            ...(trust.authority === undefined ? {} : { ca: trust.authority }),
            // An agent would open a connection of its own.
            ...(socket === undefined ? { agent: false } : { createConnection: () => socket }),
          })
        : plainRequest(url, { ...wish, agent: false })
    sent.once('response', resolve)
    sent.once('error', reject)
    sent.end(body)
  })
  const certificate = certificateOf(response.socket as TLSSocket)
  const pieces: Buffer[] = []
  for await (const piece of response) pieces.push(piece as Buffer)
  socket?.destroy()
  const { statusCode = 0 } = response
  return { status: statusCode, headers: response.headers, body: Buffer.concat(pieces), certificate }
}

/** Nothing is sent before the other end has shown that very certificate. */
function pinnedSocket(url: URL, pinned: string): Promise<TLSSocket> {
  const wanted = new X509Certificate(pinned).fingerprint256
  return new Promise((resolve, reject) => {
    const port = Number(url.port === '' ? '443' : url.port)
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const socket = connect({ host, port, rejectUnauthorized: false }, () => {
      if (certificateOf(socket)?.fingerprint256 === wanted) resolve(socket)
      else {
        socket.destroy()
        reject(new Error('it shows another certificate than that of the settings'))
      }
    })
    socket.once('error', reject)
  })
}

function certificateOf(socket: Partial<TLSSocket>): X509Certificate | undefined {
  return socket.encrypted === true ? socket.getPeerX509Certificate?.() : undefined
}
