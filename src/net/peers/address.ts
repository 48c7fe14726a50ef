/** Addresses of nodes as people write them: `ID@host:port`, `host:port`, `[::1]:port`. */

import { nodeId, type NodeId } from '../../base/ids.ts'
import type { Address } from '../../base/links.ts'
import { NetError } from '../errors.ts'

const ADDRESS_LENGTH_MAX = 300

export interface PeerAddress {
  readonly node: NodeId | undefined
  readonly address: Address
}

/** @throws {NetError} `BadAddress` with what is wrong */
export function parsePeerAddress(text: string): PeerAddress {
  const at = text.indexOf('@')
  if (at < 0) return { node: undefined, address: addressOf(text) }
  const id = text.slice(0, at).toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(id)) {
    throw badAddress(text, 'before "@" stands a node id, 64 hex digits')
  }
  return { node: nodeId(id), address: addressOf(text.slice(at + 1)) }
}

/** The address as text; undefined when it is none. */
export function readAddress(text: string): Address | undefined {
  try {
    return addressOf(text)
  } catch {
    return undefined
  }
}

export function textOfAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * Where a node that a link came from listens: what it says, its host filled in from the link.
 * Undefined when it says nothing that can be dialled.
 */
export function announcedAddress(said: string, remote: Address): Address | undefined {
  if (!said.startsWith(':')) return readAddress(said)
  const host = remote.host.replace(/^::ffff:(?=\d+\.)/, '')
  return readAddress(textOfAddress({ host, port: 0 }).slice(0, -2) + said)
}

function addressOf(text: string): Address {
  if (text.length > ADDRESS_LENGTH_MAX) throw badAddress(text.slice(0, 40), 'it is too long')
  const parts = /^(?:\[([0-9a-f:.]+)\]|([^\s:@[\]/]+)):(\d{1,5})$/i.exec(text)
  const port = Number(parts?.[3])
  if (parts === null || port < 1 || port > 65_535) {
    throw badAddress(text, 'write host:port, an IPv6 host as [host]:port')
  }
  return { host: (parts[1] ?? parts[2])!.toLowerCase(), port }
}

function badAddress(text: string, why: string): NetError {
  return new NetError('BadAddress', `Cannot read the address "${text}": ${why}`)
}
