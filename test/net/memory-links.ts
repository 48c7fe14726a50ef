/** Links in one process on virtual time: slow, cut, black or full as a test wants them. */

import { createHash } from 'node:crypto'
import { nodeId, type NodeId } from '../../src/base/ids.ts'
import {
  LinkError,
  type Address,
  type Link,
  type LinkEvents,
  type Links,
} from '../../src/base/links.ts'
import { silentLog } from '../../src/base/log.ts'
import { Metrics } from '../../src/base/metrics.ts'
import { Mesh, type MeshOptions } from '../../src/net/mesh.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** Node ids that sort as their numbers do. */
export function nodeOf(number: number): NodeId {
  return nodeId(number.toString(16).padStart(2, '0').repeat(32))
}

export class LinkWorld {
  readonly clock: VirtualClock
  latencyMs = 1
  /** Bytes that one link carries in a millisecond. */
  bytesPerMs = Infinity
  readonly listeners = new Map<string, { node: NodeId; accept: (link: Link) => void }>()
  readonly links = new Set<MemoryLink>()
  /** Pairs "from to" whose bytes go nowhere, without anybody being told. */
  readonly #black = new Set<string>()
  dials = 0
  /** Hosts that a name stands for: each dial is led to the next. */
  readonly names = new Map<string, string[]>()
  #count = 0

  constructor(clock = new VirtualClock()) {
    this.clock = clock
  }

  /** The ports of one node. */
  linksOf(node: NodeId): Links {
    return {
      dial: (address, expected) => this.#dial(node, address, expected),
      listen: (address, accept) => {
        const name = `${address.host}:${address.port}`
        this.listeners.set(name, { node, accept })
        const close = (): Promise<void> => {
          this.listeners.delete(name)
          return Promise.resolve()
        }
        return Promise.resolve({ address, close })
      },
    }
  }

  /** From now on nothing passes between the two. */
  blacken(a: NodeId, b: NodeId): void {
    this.#black.add(`${a} ${b}`).add(`${b} ${a}`)
  }

  /** Nothing passes from one to the other, while the way back is open. */
  blackenOneWay(from: NodeId, to: NodeId): void {
    this.#black.add(`${from} ${to}`)
  }

  clear(): void {
    this.#black.clear()
  }

  isBlack(from: NodeId, to: NodeId): boolean {
    return this.#black.has(`${from} ${to}`)
  }

  /** Ends every link between the two, as a reset does. */
  cut(a: NodeId, b: NodeId): void {
    for (const link of [...this.links]) {
      if (link.self === a && link.peer === b) link.sever('reset')
    }
  }

  #reach({ host, port }: Address): Address {
    const hosts = this.names.get(host)
    if (hosts === undefined) return { host, port }
    hosts.push(hosts.shift()!)
    return { host: hosts.at(-1)!, port }
  }

  #dial(from: NodeId, address: Address, expected: NodeId | undefined): Promise<Link> {
    this.dials += 1
    const reached = this.#reach(address)
    return new Promise((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new LinkError('NoAnswer', `Cannot reach ${address.host}:${address.port}: ${why}`))
      this.clock.after(2 * this.latencyMs, () => {
        const listener = this.listeners.get(`${reached.host}:${reached.port}`)
        if (listener === undefined) return fail('refused')
        const { node, accept } = listener
        // A dial into the black has no end of its own.
        if (this.isBlack(from, node) || this.isBlack(node, from)) return undefined
        if (expected !== undefined && expected !== node) {
          return reject(new LinkError('OtherKey', `node "${node}" answers there`))
        }
        const [near, far] = this.pair(from, node, address, reached)
        accept(far)
        resolve(near)
        return undefined
      })
    })
  }

  pair(from: NodeId, to: NodeId, address: Address, reached = address): [MemoryLink, MemoryLink] {
    this.#count += 1
    const channel = new Uint8Array(createHash('sha256').update(`${this.#count}`).digest())
    const near = new MemoryLink(this, from, to, { channel, remote: address, reached })
    const remote = { host: `host${parseInt(from.slice(0, 2), 16)}`, port: 40_000 + this.#count }
    const far = new MemoryLink(this, to, from, { channel, remote, reached: remote })
    near.other = far
    far.other = near
    return [near, far]
  }
}

/** Bytes that went into the black are sent again this often. */
const RETRANSMIT_MS = 200

export class MemoryLink implements Link {
  readonly peer: NodeId
  readonly self: NodeId
  readonly channel: Uint8Array
  readonly remote: Address
  readonly reached: Address
  other!: MemoryLink
  bufferedBytes = 0
  sentBytes = 0
  closedWith: string | undefined
  readonly #world: LinkWorld
  #events: LinkEvents | undefined
  #early: Uint8Array[] = []
  #freeAtMicros = 0
  readonly #onItsWay: (() => void)[] = []
  #due = 0
  #isStalled = false

  constructor(
    world: LinkWorld,
    self: NodeId,
    peer: NodeId,
    rest: Pick<Link, 'channel' | 'remote' | 'reached'>,
  ) {
    this.#world = world
    this.self = self
    this.peer = peer
    this.channel = rest.channel
    this.remote = rest.remote
    this.reached = rest.reached
    world.links.add(this)
  }

  listen(events: LinkEvents): void {
    this.#events = events
    const early = this.#early
    this.#early = []
    for (const message of early) this.#world.clock.soon(() => this.arrive(message))
  }

  send(chunks: readonly Uint8Array[]): void {
    if (this.closedWith !== undefined) return
    const message = new Uint8Array(Buffer.concat(chunks))
    this.bufferedBytes += message.length
    this.sentBytes += message.length
    this.#later(message.length, () => {
      this.bufferedBytes -= message.length
      this.other.arrive(message)
      if (this.closedWith === undefined) this.#events?.drained()
    })
  }

  close(reason: string): void {
    if (this.closedWith !== undefined) return
    this.closedWith = reason
    this.#world.links.delete(this)
    this.#later(0, () => this.other.end(reason))
    this.#events?.closed(reason)
  }

  /** Both ends learn at once that the connection is gone. */
  sever(reason: string): void {
    this.end(reason)
    this.other.end(reason)
  }

  arrive(message: Uint8Array): void {
    if (this.closedWith !== undefined) return
    if (this.#events === undefined) this.#early.push(message)
    else this.#events.message(message)
  }

  end(reason: string): void {
    if (this.closedWith !== undefined) return
    this.closedWith = reason
    this.#world.links.delete(this)
    this.#events?.closed(reason)
  }

  /** In order, after what is on its way; while the way is black it waits, as with TCP. */
  #later(bytes: number, action: () => void): void {
    const { clock, latencyMs, bytesPerMs } = this.#world
    const now = clock.monotonicMicros()
    this.#freeAtMicros = Math.max(now, this.#freeAtMicros) + (bytes / bytesPerMs) * 1000
    this.#onItsWay.push(action)
    clock.after((this.#freeAtMicros - now) / 1000 + latencyMs, () => {
      this.#due += 1
      if (!this.#isStalled) this.#arriveDue()
    })
  }

  #arriveDue(): void {
    this.#isStalled = this.#world.isBlack(this.self, this.peer)
    if (this.#isStalled) {
      if (this.closedWith === undefined) {
        this.#world.clock.after(RETRANSMIT_MS, () => this.#arriveDue())
      }
      return
    }
    while (this.#due > 0) {
      this.#due -= 1
      this.#onItsWay.shift()!()
    }
  }
}

export const SECRET = new Uint8Array(32).fill(7)

type NodeOptions = Partial<Omit<MeshOptions, 'cluster'>> & {
  readonly cluster?: Partial<MeshOptions['cluster']>
}

/** A mesh of the world, listening at `host<number>:3901`. */
export async function openNode(
  world: LinkWorld,
  number: number,
  rest: NodeOptions = {},
): Promise<Mesh> {
  const self = rest.self ?? nodeOf(number)
  const { cluster, ...options } = rest
  const mesh = new Mesh({
    self,
    secrets: [SECRET],
    links: world.linksOf(self),
    clock: world.clock,
    rng: new SeededRng(number + 1),
    log: silentLog,
    metrics: new Metrics(),
    bind: { host: `host${number}`, port: 3901 },
    bootstrapPeers: [],
    ...options,
    cluster: {
      clusterId: () => undefined,
      incarnation: () => '01'.repeat(16),
      epoch: () => ({ layout: 0, readmissions: 0 }),
      replicationFactor: () => 3,
      ...cluster,
    },
  })
  await mesh.open()
  return mesh
}

/** Two nodes that are up for each other, the first having dialled. */
export async function openPair(world: LinkWorld, rest: NodeOptions = {}): Promise<[Mesh, Mesh]> {
  const b = await openNode(world, 2)
  const a = await openNode(world, 1, { bootstrapPeers: ['host2:3901'], ...rest })
  await world.clock.run(100)
  return [a, b]
}

/** Whether a mesh is linked to a node. */
export function isUp(mesh: Mesh, node: string): boolean {
  return mesh.peers().some((peer) => peer.node === node && peer.isUp)
}
