/** The network of a node without peers: it reaches itself and nobody else. */

import type { NodeId } from '../base/ids.ts'
import type { CallOptions, MessageHandler, Network } from '../base/network.ts'
import { NetError } from './errors.ts'

/**
 * Calls its own handlers in process. What a handler answers synchronously is returned as it is,
 * what it throws is thrown.
 */
export class LoopbackNetwork implements Network {
  readonly self: NodeId
  readonly #handlers = new Map<string, MessageHandler>()

  constructor(self: NodeId) {
    this.self = self
  }

  /** @throws {NetError} `PeerUnreachable` for any other node, `UnknownEndpoint` */
  call(to: NodeId, endpoint: string, message: unknown, _options: CallOptions): unknown {
    if (to !== this.self) {
      throw new NetError('PeerUnreachable', `Cannot reach node "${to}": this node has no peers`)
    }
    const handler = this.#handlers.get(endpoint)
    if (handler === undefined) {
      throw new NetError('UnknownEndpoint', `Cannot call "${endpoint}": nothing answers there`)
    }
    return handler(this.self, message)
  }

  handle(endpoint: string, handler: MessageHandler): void {
    this.#handlers.set(endpoint, handler)
  }
}
