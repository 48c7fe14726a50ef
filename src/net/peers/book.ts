/** The addresses of other nodes: what was configured, and what peers told. */

import { nodeId, type NodeId } from '../../base/ids.ts'
import { PEER_ADDRESSES_MAX, PEERS_MAX } from '../../base/limits.ts'
import type { Address } from '../../base/links.ts'
import { readAddress, textOfAddress } from './address.ts'

/** A node and where it may be reached, as it is told to peers and kept between starts. */
export interface KnownPeer {
  readonly node: NodeId
  readonly addresses: readonly string[]
}

/**
 * Who says where a node is: an operator, the node itself, or another. When there are too many
 * addresses, what a node says of itself takes the place of what was said earlier; what others tell
 * does not, or peers with different books would tell each other news for ever.
 */
type Source = 'configured' | 'said' | 'told'

interface Entry {
  readonly address: Address
  isConfigured: boolean
}

export class AddressBook {
  readonly #self: NodeId
  readonly #nodes = new Map<NodeId, Map<string, Entry>>()
  /** Nodes that are not taken from what others tell: they have to come by themselves. */
  readonly #forgotten = new Set<NodeId>()

  constructor(self: NodeId) {
    this.#self = self
  }

  nodes(): NodeId[] {
    return [...this.#nodes.keys()]
  }

  knows(node: NodeId): boolean {
    return this.#nodes.has(node)
  }

  get isFull(): boolean {
    return this.#nodes.size >= PEERS_MAX
  }

  addresses(node: NodeId): Address[] {
    return [...(this.#nodes.get(node)?.values() ?? [])].map((entry) => entry.address)
  }

  /** Notes a node, and an address of it. True when either is new. */
  add(node: NodeId, address: Address | undefined, source: Source): boolean {
    if (node === this.#self) return false
    if (source === 'told' && this.#forgotten.has(node)) return false
    this.#forgotten.delete(node)
    let entries = this.#nodes.get(node)
    const isNew = entries === undefined
    if (entries === undefined) {
      if (this.isFull) return false
      this.#nodes.set(node, (entries = new Map<string, Entry>()))
    }
    return (address !== undefined && addAddress(entries, address, source)) || isNew
  }

  /**
   * Puts an address before the others of its node: a node that moved says itself where it is now.
   * True when another stood there. What others tell never does it, or they would never come to rest.
   */
  lead(node: NodeId, address: Address): boolean {
    const entries = this.#nodes.get(node)
    const name = textOfAddress(address)
    const entry = entries?.get(name)
    if (entries === undefined || entry === undefined || first(entries.keys()) === name) return false
    this.#nodes.set(node, new Map([[name, entry], ...entries]))
    return true
  }

  isConfigured(node: NodeId): boolean {
    const entries = this.#nodes.get(node)?.values() ?? []
    return [...entries].some(({ isConfigured }) => isConfigured)
  }

  /** Others may know it for a while yet: what they tell of it does not bring it back. */
  forget(node: NodeId): boolean {
    if (this.#forgotten.size >= PEERS_MAX) this.#forgotten.clear()
    this.#forgotten.add(node)
    return this.#nodes.delete(node)
  }

  list(): KnownPeer[] {
    return [...this.#nodes].map(([node, entries]) => ({ node, addresses: [...entries.keys()] }))
  }

  /** Takes in what a peer told; what is malformed is passed over. Returns the nodes it changed. */
  merge(told: unknown): NodeId[] {
    if (!Array.isArray(told)) return []
    const changed: NodeId[] = []
    for (const item of told.slice(0, PEERS_MAX) as readonly unknown[]) {
      const peer = readKnownPeer(item)
      if (peer === undefined) continue
      const results = peer.addresses.map((text) => this.add(peer.node, readAddress(text), 'told'))
      if (results.some(Boolean)) changed.push(peer.node)
    }
    return changed
  }
}

function first<Item>(items: Iterable<Item>): Item | undefined {
  for (const item of items) return item
  return undefined
}

/** As it travels. */
export function packKnown(peers: readonly KnownPeer[]): unknown {
  return peers.map(({ node, addresses }) => [node, addresses])
}

function readKnownPeer(item: unknown): KnownPeer | undefined {
  if (!Array.isArray(item)) return undefined
  const [node, addresses] = item as readonly unknown[]
  if (typeof node !== 'string' || !/^[0-9a-f]{64}$/.test(node)) return undefined
  if (!Array.isArray(addresses) || addresses.length > PEER_ADDRESSES_MAX) return undefined
  if (!addresses.every((address) => typeof address === 'string')) return undefined
  return { node: nodeId(node), addresses }
}

function addAddress(entries: Map<string, Entry>, address: Address, source: Source): boolean {
  const name = textOfAddress(address)
  const isConfigured = source === 'configured'
  const known = entries.get(name)
  if (known !== undefined) {
    known.isConfigured ||= isConfigured
    return false
  }
  if (entries.size >= PEER_ADDRESSES_MAX) {
    if (source === 'told') return false
    const eldest = [...entries].find(([, entry]) => !entry.isConfigured)
    if (eldest === undefined) return false
    entries.delete(eldest[0])
  }
  entries.set(name, { address, isConfigured })
  return true
}
