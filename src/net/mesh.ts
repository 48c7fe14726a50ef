/** The network of a node with peers: calls and parcels over links that both ends have proved. */

import type { NodeId } from '../base/ids.ts'
import type { Address, Listener } from '../base/links.ts'
import type {
  CallOptions,
  Delivered,
  MessageHandler,
  Network,
  Parcel,
  ParcelHandler,
  Peer,
  TransferOptions,
} from '../base/network.ts'
import { Endpoints } from './endpoints.ts'
import { NetError } from './errors.ts'
import { verdictOn } from './wire/failure.ts'
import { GOSSIP_ENDPOINT } from './peers/gossip.ts'
import type { Miss } from './peers/tries.ts'
import { Peers, type PeerInfo, type PeersOptions } from './peers/peers.ts'

export type { KnownPeer } from './peers/book.ts'
export type { PeerInfo } from './peers/peers.ts'

export interface MeshOptions extends PeersOptions {
  /** Where to take links; without it this node only dials. */
  readonly bind?: Address | undefined
}

/** Made first, then given its handlers, then opened: nobody asks what is not answered yet. */
export class Mesh implements Network {
  readonly self: NodeId
  readonly #options: MeshOptions
  readonly #endpoints = new Endpoints()
  readonly #peers: Peers
  readonly #countFailure: (amount?: number, labels?: Readonly<Record<string, string>>) => void
  #listener: Listener | undefined
  #isStopped = false

  constructor(options: MeshOptions) {
    this.self = options.self
    this.#options = options
    const countBroken = options.metrics.counter(
      'mesh_broken_rules_total',
      'Frames of peers that were none, and answers to nothing',
    )
    this.#peers = new Peers(options, {
      handlers: this.#endpoints.handlers,
      receivers: this.#endpoints.receivers,
      failed: (peer, endpoint, error) => this.#failed(peer, endpoint, error),
      broken: (peer, what) => {
        countBroken()
        options.log.debug({ peer, what }, 'A peer broke a rule of the mesh')
      },
    })
    this.#countFailure = options.metrics.counter(
      'mesh_handler_failures_total',
      'Messages of peers that ended in an error, by endpoint',
    )
    this.handle(GOSSIP_ENDPOINT, (from, message) => this.#peers.told(from, message))
  }

  /**
   * Takes links, and dials.
   *
   * @throws {NetError} `BadAddress`; what the system says when the port cannot be had
   */
  async open(): Promise<void> {
    const { bind, links } = this.#options
    if (bind !== undefined) {
      this.#listener = await links.listen(bind, (link) => this.#peers.accept(link))
      this.#peers.listeningAt(this.#listener.address.port)
    }
    this.#peers.open()
  }

  /** Where links are taken; undefined when none are. */
  get address(): Address | undefined {
    return this.#listener?.address
  }

  /** A remote failure, and there every one of these, is a rejection: a call to a peer never throws. */
  call(to: NodeId, endpoint: string, message: unknown, options: CallOptions): unknown {
    if (to !== this.self) {
      const session = this.#peers.session(to)
      if (session === undefined) return Promise.reject(this.#unreachable(to))
      return session.call(endpoint, message, options.deadlineMs)
    }
    return this.#endpoints.answer(this.self, endpoint, message)
  }

  handle(endpoint: string, handler: MessageHandler): void {
    this.#endpoints.handle(endpoint, handler)
  }

  async transfer(
    to: NodeId,
    endpoint: string,
    parcel: Parcel,
    options: TransferOptions,
  ): Promise<Delivered> {
    if (to !== this.self) {
      const session = this.#peers.session(to)
      if (session === undefined) throw this.#unreachable(to)
      return session.transfer(endpoint, parcel, options)
    }
    return this.#endpoints.deliver(this.self, endpoint, parcel, options.into)
  }

  receive(endpoint: string, handler: ParcelHandler): void {
    this.#endpoints.receive(endpoint, handler)
  }

  peers(): readonly Peer[] {
    return this.#peers
      .nodes()
      .map((node) => ({ node, isUp: this.#peers.session(node) !== undefined }))
  }

  /** All that is known of each peer, for people. */
  peerInfo(): readonly PeerInfo[] {
    return this.#peers.info()
  }

  /** As `Peers.awaited`. */
  awaited(): readonly string[] {
    return this.#peers.awaited()
  }

  /** As `Peers.misses`. */
  misses(): readonly Miss[] {
    return this.#peers.misses()
  }

  /** As `Peers.connect`: `ID@host:port` or `host:port`. */
  connect(address: string): Promise<NodeId> {
    return this.#peers.connect(address)
  }

  /** As `Peers.forget`. */
  forget(node: NodeId): void {
    this.#peers.forget(node)
  }

  async close(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#peers.stop()
    await this.#listener?.close()
  }

  #unreachable(to: NodeId): NetError {
    const why = this.#isStopped ? 'this node stops' : this.#peers.whyNot(to)
    return new NetError('PeerUnreachable', `Cannot reach node "${to}": ${why}`)
  }

  #failed(peer: NodeId, endpoint: string, error: unknown): void {
    this.#countFailure(1, { endpoint })
    const verdict = verdictOn(error)
    if (verdict === 'expected') return
    const fields = { peer, endpoint, error: error instanceof Error ? error.stack : String(error) }
    this.#options.log.error(fields, 'A handler failed')
    if (verdict === 'fatal') {
      this.#options.clock.soon(() => {
        throw error as Error
      })
    }
  }
}
