/** What one node answers, whoever asks: its endpoints, and how they are asked in place. */

import type { NodeId } from '../base/ids.ts'
import type { Delivered, MessageHandler, Parcel, ParcelHandler, Room } from '../base/network.ts'
import { NetError } from './errors.ts'

/** One node's endpoints, of messages and of parcels; the last one registered under a name counts. */
export class Endpoints {
  readonly #handlers = new Map<string, MessageHandler>()
  readonly #receivers = new Map<string, ParcelHandler>()

  /** For whoever brings messages over a link. */
  get handlers(): ReadonlyMap<string, MessageHandler> {
    return this.#handlers
  }

  /** For whoever brings parcels over a link, piece by piece. */
  get receivers(): ReadonlyMap<string, ParcelHandler> {
    return this.#receivers
  }

  handle(endpoint: string, handler: MessageHandler): void {
    this.#handlers.set(endpoint, handler)
  }

  receive(endpoint: string, handler: ParcelHandler): void {
    this.#receivers.set(endpoint, handler)
  }

  /**
   * What is answered synchronously is returned as it is, what is thrown is thrown.
   *
   * @throws {NetError} `UnknownEndpoint`; what the handler throws
   */
  answer(from: NodeId, endpoint: string, message: unknown): unknown {
    const handler = this.#handlers.get(endpoint)
    if (handler === undefined) {
      throw new NetError('UnknownEndpoint', `Cannot call "${endpoint}": nothing answers there`)
    }
    return handler(from, message)
  }

  /**
   * A parcel without a way: the receiver is asked for room, the bytes are copied there, and the
   * answer's into `into`.
   *
   * @throws {NetError} `UnknownEndpoint`, `BadParcel` when bytes come that nobody made room for;
   *   what the receiver throws
   */
  async deliver(
    from: NodeId,
    endpoint: string,
    parcel: Parcel,
    into: Uint8Array | undefined,
  ): Promise<Delivered> {
    const handler = this.#receivers.get(endpoint)
    if (handler === undefined) {
      throw new NetError('UnknownEndpoint', `Cannot send to "${endpoint}": nothing receives there`)
    }
    return deliverTo(handler, from, parcel, into)
  }
}

async function deliverTo(
  handler: ParcelHandler,
  from: NodeId,
  parcel: Parcel,
  into: Uint8Array | undefined,
): Promise<Delivered> {
  const { message, bytes } = parcel
  const room = bytes === undefined ? undefined : await roomFor(from, handler, message, bytes)
  try {
    const arrived = { bytes: room?.data.subarray(0, bytes?.length), room }
    const answer = await handler.answer(from, message, arrived)
    try {
      return { message: answer.message, length: place(answer.bytes, into) }
    } finally {
      answer.sent?.()
    }
  } finally {
    room?.release()
  }
}

async function roomFor(
  from: NodeId,
  handler: ParcelHandler,
  message: unknown,
  bytes: Uint8Array,
): Promise<Room> {
  if (handler.room === undefined) {
    throw new NetError('BadParcel', 'Cannot send bytes: the endpoint takes none')
  }
  const room = await handler.room(from, message, bytes.length)
  room.data.set(bytes)
  return room
}

function place(bytes: Uint8Array | undefined, into: Uint8Array | undefined): number {
  if (bytes === undefined) return 0
  if (into === undefined || into.length < bytes.length) {
    throw new NetError('BadParcel', `Cannot take ${bytes.length} bytes: there is no room for them`)
  }
  into.set(bytes)
  return bytes.length
}
