/** Opens the ports of a node. */

import { HttpError } from '../api/http/errors.ts'
import { startHttpServer } from '../api/http/server.ts'
import type { HttpServerOptions } from '../api/http/server.ts'
import { DRAIN_MS_MAX } from '../base/limits.ts'
import { endpointOf } from '../config/endpoint.ts'
import { NodeError } from './errors.ts'
import type { ListenOptions } from './options.ts'

/** How many ports are tried after the one wished for. */
const PORTS_TRIED = 100

/** What is the same for every port of a node. */
export type Doorway = Pick<HttpServerOptions, 'clock' | 'log' | 'rng'> & {
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
 * @throws {NodeError} `PortTaken`
 */
export async function openDoor(
  { stops, notice, ...ports }: Doorway,
  { name, ...door }: Door,
  options: ListenOptions,
): Promise<string> {
  const { host = '127.0.0.1', port = 0, orNext = false } = options
  const last = orNext && port !== 0 ? Math.min(port + PORTS_TRIED, 65_535) : port
  for (let tried = port; ; tried++) {
    try {
      const server = await startHttpServer({ ...ports, ...door, bind: { host, port: tried } })
      stops.push(() => server.stop(DRAIN_MS_MAX))
      if (tried !== port) notice(`Port ${port} (${name}) is taken: using ${tried} instead`)
      return endpointOf(server.address)
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
