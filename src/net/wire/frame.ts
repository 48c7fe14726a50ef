/**
 * Frames: what travels on a link, one or several to a message.
 *
 * A frame is two bytes of header length, four of payload length, a msgpack array, and the payload
 * as it is. Numbers are big-endian. Everything is bounded before anything is allocated.
 */

import { Decoder, Encoder } from '@msgpack/msgpack'
import { unpack } from '../../base/codec.ts'
import { FRAME_HEADER_BYTES_MAX, PIECE_BYTES_MAX } from '../../base/limits.ts'
import { NetError } from '../errors.ts'
import { faultOf } from './inspect.ts'

const PREFIX_BYTES = 6
const NO_BYTES = new Uint8Array(0)

/** `id` is always the asking end's. A flag says whose, where both ends may mean theirs. */
export type Frame =
  | { readonly kind: 'hello'; readonly payload: Uint8Array }
  | { readonly kind: 'refused'; readonly name: string; readonly sentence: string }
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'call'
      readonly id: number
      readonly endpoint: string
      /** Bytes of the whole message; those beyond the payload come in `more`. */
      readonly total: number
      readonly payload: Uint8Array
    }
  | {
      readonly kind: 'more'
      readonly id: number
      readonly isAnswer: boolean
      readonly payload: Uint8Array
    }
  | {
      readonly kind: 'answer'
      readonly id: number
      readonly total: number
      readonly payload: Uint8Array
    }
  /** The payload is code, message and details. */
  | { readonly kind: 'error'; readonly id: number; readonly payload: Uint8Array }
  | { readonly kind: 'beat'; readonly id: number }
  | { readonly kind: 'echo'; readonly id: number }
  | {
      readonly kind: 'parcel'
      readonly id: number
      readonly endpoint: string
      /** Bytes beside the message, and how many the asking end has room for. */
      readonly length: number
      readonly room: number
      readonly isBackground: boolean
      readonly payload: Uint8Array
    }
  | { readonly kind: 'room'; readonly id: number }
  | {
      readonly kind: 'piece'
      readonly id: number
      readonly isAnswer: boolean
      readonly payload: Uint8Array
    }
  | {
      readonly kind: 'delivered'
      readonly id: number
      readonly length: number
      readonly payload: Uint8Array
    }
  | { readonly kind: 'cancel'; readonly id: number }

const encoder = new Encoder()
const decoder = new Decoder({
  maxStrLength: FRAME_HEADER_BYTES_MAX,
  maxBinLength: 0,
  maxArrayLength: 16,
  maxMapLength: 0,
  maxExtLength: 0,
})

/** The frame as chunks to be sent one after another; the payload is not copied. */
export function encodeFrame(frame: Frame): Uint8Array[] {
  const header = encoder.encodeSharedRef(headerOf(frame))
  const payload = 'payload' in frame ? frame.payload : NO_BYTES
  const head = new Uint8Array(PREFIX_BYTES + header.length)
  const view = new DataView(head.buffer)
  view.setUint16(0, header.length)
  view.setUint32(2, payload.length)
  head.set(header, PREFIX_BYTES)
  return payload.length === 0 ? [head] : [head, payload]
}

function headerOf(frame: Frame): readonly unknown[] {
  switch (frame.kind) {
    case 'hello':
      return [1]
    case 'refused':
      return [2, frame.name, frame.sentence]
    case 'ready':
      return [3]
    case 'call':
      return [4, frame.id, frame.endpoint, frame.total]
    case 'more':
      return [5, frame.id, frame.isAnswer]
    case 'answer':
      return [6, frame.id, frame.total]
    case 'error':
      return [7, frame.id]
    case 'beat':
      return [8, frame.id]
    case 'echo':
      return [9, frame.id]
    case 'parcel':
      return [10, frame.id, frame.endpoint, frame.length, frame.room, frame.isBackground]
    case 'room':
      return [11, frame.id]
    case 'piece':
      return [12, frame.id, frame.isAnswer]
    case 'delivered':
      return [13, frame.id, frame.length]
    case 'cancel':
      return [14, frame.id]
  }
}

/**
 * The frames of one message, in order. Payloads share memory with `message`.
 *
 * @throws {NetError} `BadFrame` at the first that is none
 */
export function* decodeFrames(message: Uint8Array): Generator<Frame, void, void> {
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  let at = 0
  while (at < message.length) {
    if (message.length - at < PREFIX_BYTES) throw badFrame('it ends in a prefix')
    const headerLength = view.getUint16(at)
    const payloadLength = view.getUint32(at + 2)
    if (headerLength > FRAME_HEADER_BYTES_MAX) throw badFrame(`a header of ${headerLength} bytes`)
    if (payloadLength > PIECE_BYTES_MAX) throw badFrame(`a payload of ${payloadLength} bytes`)
    const start = at + PREFIX_BYTES
    const end = start + headerLength + payloadLength
    if (end > message.length) throw badFrame('it announces more than it holds')
    const header = message.subarray(start, start + headerLength)
    yield frameOf(readHeader(header), message.subarray(start + headerLength, end))
    at = end
  }
}

function readHeader(bytes: Uint8Array): readonly unknown[] {
  let header: unknown
  try {
    header = decoder.decode(bytes)
  } catch (error) {
    throw badFrame((error as Error).message)
  }
  if (!Array.isArray(header)) throw badFrame('a header that is no list')
  return header as readonly unknown[]
}

/** A header longer than is known here is one of a later minor version: the rest is left aside. */
function frameOf(header: readonly unknown[], payload: Uint8Array): Frame {
  switch (header[0]) {
    case 1:
      return { kind: 'hello', payload }
    case 2:
      return { kind: 'refused', name: text(header[1]), sentence: text(header[2]) }
    case 3:
      return { kind: 'ready' }
    case 8:
      return { kind: 'beat', id: count(header[1]) }
    case 9:
      return { kind: 'echo', id: count(header[1]) }
    default:
      return messageFrame(header, payload) ?? parcelFrame(header, payload)
  }
}

function messageFrame(header: readonly unknown[], payload: Uint8Array): Frame | undefined {
  const [kind, id, field] = header
  switch (kind) {
    case 4:
      return {
        kind: 'call',
        id: count(id),
        endpoint: text(field),
        total: count(header[3]),
        payload,
      }
    case 5:
      return { kind: 'more', id: count(id), isAnswer: flag(field), payload }
    case 6:
      return { kind: 'answer', id: count(id), total: count(field), payload }
    case 7:
      return { kind: 'error', id: count(id), payload }
    default:
      return undefined
  }
}

function parcelFrame(header: readonly unknown[], payload: Uint8Array): Frame {
  const [kind, id, field] = header
  switch (kind) {
    case 10:
      return {
        kind: 'parcel',
        id: count(id),
        endpoint: text(field),
        length: count(header[3]),
        room: count(header[4]),
        isBackground: flag(header[5]),
        payload,
      }
    case 11:
      return { kind: 'room', id: count(id) }
    case 12:
      return { kind: 'piece', id: count(id), isAnswer: flag(field), payload }
    case 13:
      return { kind: 'delivered', id: count(id), length: count(field), payload }
    case 14:
      return { kind: 'cancel', id: count(id) }
    default:
      throw badFrame('a kind that is not known')
  }
}

/**
 * The message that a payload holds, in memory of its own.
 *
 * @throws {NetError} `BadFrame` when it is not one plain value within the limits
 */
export function openMessage(payload: Uint8Array): unknown {
  const fault = faultOf(payload)
  if (fault !== undefined) throw badFrame(`a message: ${fault}`)
  try {
    // A copy, so that an id that somebody keeps does not keep the whole of what came with it.
    return unpack(new Uint8Array(payload))
  } catch (error) {
    throw badFrame((error as Error).message)
  }
}

function count(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw badFrame('a number is missing')
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw badFrame('a text is missing')
}

function flag(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw badFrame('a flag is missing')
}

export function badFrame(what: string): NetError {
  return new NetError('BadFrame', `Cannot read a frame: ${what}`)
}
