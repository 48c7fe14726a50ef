/** The network of a node without peers: it reaches itself and nobody else. */

import type { NodeId } from '../base/ids.ts'
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

/**
 * Calls its own handlers in process. What a handler answers synchronously is returned as it is,
 * what it throws is thrown.
 */
export class LoopbackNetwork implements Network {
  readonly self: NodeId
  readonly #endpoints = new Endpoints()

  constructor(self: NodeId) {
    this.self = self
  }

  /** @throws {NetError} `PeerUnreachable` for any other node, `UnknownEndpoint` */
  call(to: NodeId, endpoint: string, message: unknown, _options: CallOptions): unknown {
    this.#check(to)
    return this.#endpoints.answer(this.self, endpoint, message)
  }

  handle(endpoint: string, handler: MessageHandler): void {
    this.#endpoints.handle(endpoint, handler)
  }

  /** @throws {NetError} as `call`, and `BadParcel` */
  async transfer(
    to: NodeId,
    endpoint: string,
    parcel: Parcel,
    options: TransferOptions,
  ): Promise<Delivered> {
    this.#check(to)
    return this.#endpoints.deliver(this.self, endpoint, parcel, options.into)
  }

  receive(endpoint: string, handler: ParcelHandler): void {
    this.#endpoints.receive(endpoint, handler)
  }

  peers(): readonly Peer[] {
    return []
  }

  /** What it would end is not there. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  #check(to: NodeId): void {
    if (to === this.self) return
    throw new NetError('PeerUnreachable', `Cannot reach node "${to}": this node has no peers`)
  }
}
