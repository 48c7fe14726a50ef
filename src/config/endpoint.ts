/** The URL at which a listening address is reached from its own machine. Pure. */

import type { ListenAddress } from './schema.ts'

/**
 * An address that takes every interface is shown as 127.0.0.1: a socket on `::` takes IPv4 as
 * well (Node listens dual-stack), and a container without IPv6 has no `::1`.
 *
 * @returns a URL without a slash at its end
 */
export function endpointOf({ host, port }: ListenAddress, tls = false): string {
  const scheme = tls ? 'https' : 'http'
  if (host === '0.0.0.0' || host === '::') return `${scheme}://127.0.0.1:${port}`
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
