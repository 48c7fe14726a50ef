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
import { deliverInPlace } from './deliver.ts'
import { NetError } from './errors.ts'

/**
 * Calls its own handlers in process. What a handler answers synchronously is returned as it is,
 * what it throws is thrown.
 */
export class LoopbackNetwork implements Network {
  readonly self: NodeId
  readonly #handlers = new Map<string, MessageHandler>()
  readonly #receivers = new Map<string, ParcelHandler>()

  constructor(self: NodeId) {
    this.self = self
  }

  /** @throws {NetError} `PeerUnreachable` for any other node, `UnknownEndpoint` */
  call(to: NodeId, endpoint: string, message: unknown, _options: CallOptions): unknown {
    this.#check(to)
    const handler = this.#handlers.get(endpoint)
    if (handler === undefined) {
      throw new NetError('UnknownEndpoint', `Cannot call "${endpoint}": nothing answers there`)
    }
    return handler(this.self, message)
  }

  handle(endpoint: string, handler: MessageHandler): void {
    this.#handlers.set(endpoint, handler)
  }

  /** @throws {NetError} as `call`, and `BadParcel` */
  async transfer(
    to: NodeId,
    endpoint: string,
    parcel: Parcel,
    options: TransferOptions,
  ): Promise<Delivered> {
    this.#check(to)
    const handler = this.#receivers.get(endpoint)
    if (handler === undefined) {
      throw new NetError('UnknownEndpoint', `Cannot send to "${endpoint}": nothing receives there`)
    }
    return deliverInPlace(this.self, handler, parcel, options.into)
  }

  receive(endpoint: string, handler: ParcelHandler): void {
    this.#receivers.set(endpoint, handler)
  }

  peers(): readonly Peer[] {
    return []
  }

  #check(to: NodeId): void {
    if (to === this.self) return
    throw new NetError('PeerUnreachable', `Cannot reach node "${to}": this node has no peers`)
  }
}
