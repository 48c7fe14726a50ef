/** Handshakes of one node: what it says of itself, and how many may be under way. */

import { hexOf } from '../../base/bytes.ts'
import type { Epoch } from '../../base/ballot.ts'
import type { Clock } from '../../base/clock.ts'
import type { NodeId } from '../../base/ids.ts'
import { HANDSHAKES_MAX, HANDSHAKES_PER_HOST_MAX } from '../../base/limits.ts'
import type { Link } from '../../base/links.ts'
import type { Log } from '../../base/log.ts'
import { Places } from '../../base/places.ts'
import type { Rng } from '../../base/rng.ts'
import { textOfAddress } from './address.ts'
import { NetError } from '../errors.ts'
import { greet, type Hello, type LinkKind, type Refusal } from '../wire/handshake.ts'

/** What a node tells of itself in handshakes, as it stands when one begins. */
export interface ClusterInfo {
  /** Undefined while the node has no data: it takes the cluster that it meets. */
  readonly clusterId: () => string | undefined
  readonly incarnation: () => string
  readonly epoch: () => Epoch
  readonly replicationFactor: () => number
}

export interface GreeterOptions {
  readonly self: NodeId
  readonly secrets: readonly Uint8Array[]
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly cluster: ClusterInfo
  /** Where peers reach this node, as hellos say it. */
  readonly address: () => string
}

/** How a link is meant. */
export interface Role {
  readonly isDialler: boolean
  readonly link: LinkKind
  /** Of a bulk link that is dialled: the token of its session. */
  readonly session: string
  readonly admit: (hello: Hello) => Pick<Refusal, 'name' | 'sentence'> | undefined
}

export class Greeter {
  readonly #options: GreeterOptions
  readonly #start: string
  readonly #places = new Places(HANDSHAKES_MAX, HANDSHAKES_PER_HOST_MAX)
  readonly #underWay = new Set<(refusal: Refusal) => void>()
  /** Messages links that this node dials and that are not open yet, by peer. */
  readonly #dialling = new Map<NodeId, number>()

  constructor(options: GreeterOptions) {
    this.#options = options
    this.#start = hexOf(options.rng.bytes(16))
  }

  /** A place for a handshake that another begins, to be given back; undefined when none is free. */
  place(host: string): (() => void) | undefined {
    return this.#places.take(host)
  }

  isDialling(peer: NodeId): boolean {
    return this.#dialling.has(peer)
  }

  /**
   * Settles as the handshake does. `opened` is called in the turn of its last message: whoever
   * takes the link over there misses nothing.
   *
   * @throws {NetError} `PeerUnreachable`; details say the refusal's name, by whom, and the peer
   */
  greet<Result>(link: Link, role: Role, opened: (hello: Hello) => Result): Promise<Result> {
    const { self, secrets, clock } = this.#options
    const { isDialler } = role
    const counts = isDialler && role.link === 'messages' ? 1 : 0
    this.#countDial(link.peer, counts)
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#underWay.delete(giveUp)
        this.#countDial(link.peer, -counts)
      }
      const giveUp = greet({
        link,
        isDialler,
        self,
        secrets,
        clock,
        own: this.#hello(role),
        admit: role.admit,
        opened: (hello, apartMicros) => {
          end()
          this.#noteClock(link.peer, apartMicros)
          resolve(opened(hello))
        },
        failed: (refusal) => {
          end()
          reject(unlinked(link, refusal))
        },
      })
      this.#underWay.add(giveUp)
    })
  }

  stop(): void {
    const refusal: Refusal = { name: 'Stopped', sentence: 'this node stops', by: 'us' }
    for (const giveUp of [...this.#underWay]) giveUp(refusal)
  }

  #hello(role: Role): Hello {
    const { cluster, clock, address } = this.#options
    return {
      link: role.link,
      start: this.#start,
      session: role.session,
      clusterId: cluster.clusterId(),
      incarnation: cluster.incarnation(),
      epoch: cluster.epoch(),
      address: address(),
      replicationFactor: cluster.replicationFactor(),
      wallMicros: clock.wallMicros(),
    }
  }

  #noteClock(peer: NodeId, apartMicros: number): void {
    if (apartMicros === 0) return
    const fields = { peer, apartSeconds: Math.round(apartMicros / 1e6) }
    this.#options.log.warn(fields, 'The clock of a peer is apart by more than a minute: set it')
  }

  #countDial(peer: NodeId, by: number): void {
    const count = (this.#dialling.get(peer) ?? 0) + by
    if (count === 0) this.#dialling.delete(peer)
    else this.#dialling.set(peer, count)
  }
}

function unlinked(link: Link, refusal: Refusal): NetError {
  const text = `Cannot link node "${link.peer}" at ${textOfAddress(link.remote)}: ${refusal.sentence}`
  const details = { refusal: refusal.name, by: refusal.by, peer: link.peer }
  return new NetError('PeerUnreachable', text, { details })
}
