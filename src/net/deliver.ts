/** A parcel that stays on its node: handed over in place, with one copy of the bytes. */

import type { NodeId } from '../base/ids.ts'
import type { Delivered, Parcel, ParcelHandler, Room } from '../base/network.ts'
import { NetError } from './errors.ts'

/**
 * Asks the receiver for room, copies the bytes there, and the answer's into `into`.
 *
 * @throws {NetError} `BadParcel` when bytes come that nobody made room for; what the receiver throws
 */
export async function deliverInPlace(
  from: NodeId,
  handler: ParcelHandler,
  parcel: Parcel,
  into: Uint8Array | undefined,
): Promise<Delivered> {
  const { message, bytes } = parcel
  const room = bytes === undefined ? undefined : await roomFor(from, handler, message, bytes)
  try {
    const arrived = room?.data.subarray(0, bytes?.length)
    const answer = await handler.answer(from, message, arrived, room)
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
