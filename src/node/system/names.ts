/** What names stand for. A name may stand for several nodes: each of them gets its turn. */

import { randomInt } from 'node:crypto'
import dns, { type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'

/**
 * As the system's look-up, but its addresses come in a random order. The system puts the own address
 * of a machine first: a node that dials a name of its whole cluster would meet itself each time.
 */
export const lookUp: LookupFunction = (host, options, found) => {
  dns.lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      found(error, [])
      return
    }
    const mixed = mix(addresses)
    if (options.all === true) found(null, mixed)
    else found(null, mixed[0]!.address, mixed[0]!.family)
  })
}

/** The family that the system prefers stays first: the other may have no way out. */
function mix(addresses: readonly LookupAddress[]): LookupAddress[] {
  const first = addresses[0]?.family
  const isFirst = ({ family }: LookupAddress): boolean => family === first
  const others = addresses.filter((address) => !isFirst(address))
  return [...shuffled(addresses.filter(isFirst)), ...shuffled(others)]
}

function shuffled(addresses: readonly LookupAddress[]): LookupAddress[] {
  const rest = [...addresses]
  return addresses.map(() => rest.splice(randomInt(rest.length), 1)[0]!)
}
