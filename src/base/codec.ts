/** msgpack shapes for rows and messages: one encoder, a decoder with every limit set. */

import { Decoder, Encoder } from '@msgpack/msgpack'

const encoder = new Encoder({ ignoreUndefined: true })

/** No row or message holds more: larger lists go in pages, larger bytes as raw frames. */
const decoder = new Decoder({
  maxStrLength: 1 << 20,
  maxBinLength: 1 << 20,
  maxArrayLength: 20_000,
  maxMapLength: 20_000,
  maxExtLength: 0,
})

/** `value` as msgpack, in bytes of its own. Plain data only: no Map, no class, no bigint. */
export function pack(value: unknown): Uint8Array {
  return encoder.encode(value)
}

/**
 * What `pack` was given. Byte strings share memory with `bytes`.
 *
 * @throws {RangeError|Error} when `bytes` is not one msgpack value within the limits
 */
export function unpack(bytes: Uint8Array): unknown {
  return decoder.decode(bytes)
}

/** At least as many bytes as `pack` makes of it, and few more. Costs no encoding. */
export function packedSizeMax(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return 5 + Buffer.byteLength(value)
    case 'number':
      return 9
    case 'object':
      return value === null ? 1 : sizeOfParts(value)
    default:
      return 1
  }
}

function sizeOfParts(value: object): number {
  if (value instanceof Uint8Array) return 5 + value.length
  let bytes = 5
  if (Array.isArray(value)) for (const part of value as unknown[]) bytes += packedSizeMax(part)
  else {
    for (const [name, part] of Object.entries(value)) {
      bytes += packedSizeMax(name) + packedSizeMax(part)
    }
  }
  return bytes
}
