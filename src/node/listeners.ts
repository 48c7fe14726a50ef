/** Opens the ports of a node. */

import { HttpError } from '../api/http/errors.ts'
import { startHttpServer } from '../api/http/server.ts'
import type { HttpServer, HttpServerOptions } from '../api/http/server.ts'
import type { Disk } from '../base/disk.ts'
import { DRAIN_MS_MAX } from '../base/limits.ts'
import { endpointOf } from '../config/endpoint.ts'
import { NodeError } from './errors.ts'
import type { ListenOptions } from './options.ts'
import { Certificates } from './tls/certificates.ts'

/** How many ports are tried after the one wished for. */
const PORTS_TRIED = 100

/** What is the same for every port of a node. */
export type Doorway = Pick<HttpServerOptions, 'clock' | 'log' | 'rng'> & {
  readonly disk: Disk
  /** All ports are closed together, so that stopping takes the time of one. */
  readonly stops: (() => Promise<void>)[]
  /** Told a sentence when another port was taken than the one wished for. */
  readonly notice: (sentence: string) => void
}

/** One port: its name for people, and who answers there. */
export type Door = Omit<HttpServerOptions, 'bind' | 'clock' | 'log' | 'rng'> & {
  readonly name: string
}

/**
 * Listens; returns the endpoint as a URL without a slash at its end.
 *
 * @throws {NodeError} `PortTaken`, `CertificateUnusable`
 */
export async function openDoor(
  { stops, notice, disk, ...ports }: Doorway,
  { name, ...door }: Door,
  options: ListenOptions,
): Promise<string> {
  const { clock, log } = ports
  const files = options.tls
  const tls = files && (await Certificates.open({ name, files, disk, clock, log }))
  const secured = tls === undefined ? {} : { tls: tls.identity }
  const server = await listen(name, { ...ports, ...door, ...secured }, options)
  stops.push(() => {
    tls?.stop()
    return server.stop(DRAIN_MS_MAX)
  })
  tls?.watch((identity) => server.useIdentity(identity))
  if (tls?.warning !== undefined) notice(tls.warning)
  const { port } = server.address
  if (options.port !== undefined && options.port !== 0 && options.port !== port) {
    notice(`Port ${options.port} (${name}) is taken: using ${port} instead`)
  }
  return endpointOf(server.address, tls !== undefined)
}

/** @throws {NodeError} `PortTaken` */
async function listen(
  name: string,
  wish: Omit<HttpServerOptions, 'bind'>,
  { host = '127.0.0.1', port = 0, orNext = false }: ListenOptions,
): Promise<HttpServer> {
  const last = orNext && port !== 0 ? Math.min(port + PORTS_TRIED, 65_535) : port
  for (let tried = port; ; tried++) {
    try {
      return await startHttpServer({ ...wish, bind: { host, port: tried } })
    } catch (error) {
      const code = error instanceof HttpError ? error.details['systemCode'] : undefined
      if (code === 'EADDRINUSE' && tried < last) continue
      throw listenFault(error, { host, port: tried }, name)
    }
  }
}

/** The same in words for people, where it says why a port cannot be had. */
export function listenFault(
  error: unknown,
  bind: { readonly host: string; readonly port: number } | undefined,
  name: string,
): unknown {
  const { code: own } = error as { readonly code?: unknown }
  const code = error instanceof HttpError ? error.details['systemCode'] : own
  const why =
    code === 'EADDRINUSE'
      ? 'another program listens there; stop it or choose another port'
      : code === 'EACCES'
        ? 'this user may not; ports below 1024 want another user'
        : code === 'EADDRNOTAVAIL'
          ? 'this machine has no such address'
          : undefined
  if (why === undefined) return error
  const address = bind === undefined ? 'a port' : `${bind.host}:${bind.port}`
  return new NodeError('PortTaken', `Cannot listen on ${address} (${name}): ${why}`, {
    cause: error,
  })
}
