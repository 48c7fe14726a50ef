/** A look at msgpack bytes from outside before anything is made of them. */

import { equalBytes } from '../../base/bytes.ts'
import { MESSAGE_DEPTH_MAX } from '../../base/limits.ts'

/** What a first byte from 0xc0 begins, and how many bytes belong to it before any content. */
type Kind = 'plain' | 'bytes' | 'text' | 'array' | 'map' | 'float' | 'wide' | 'refused'

const kinds: readonly (readonly [kind: Kind, headBytes: number])[] = [
  ['plain', 0], // c0 nil
  ['refused', 0], // c1 reserved
  ['plain', 0], // c2 false
  ['plain', 0], // c3 true
  ['bytes', 1],
  ['bytes', 2],
  ['bytes', 4],
  ['refused', 0], // c7 ext
  ['refused', 0],
  ['refused', 0],
  ['float', 4],
  ['float', 8],
  ['plain', 1], // cc uint 8
  ['plain', 2],
  ['plain', 4],
  ['wide', 8], // cf uint 64
  ['plain', 1], // d0 int 8
  ['plain', 2],
  ['plain', 4],
  ['wide', 8], // d3 int 64
  ['refused', 0], // d4 fixext
  ['refused', 0],
  ['refused', 0],
  ['refused', 0],
  ['refused', 0],
  ['text', 1],
  ['text', 2],
  ['text', 4],
  ['array', 2],
  ['array', 4],
  ['map', 2],
  ['map', 4],
]

interface Container {
  /** Values still to come; in a map, keys are counted too. */
  left: number
  /** The keys of a map by the hash of their text; undefined for an array. */
  readonly keys: Map<number, Uint8Array> | undefined
}

/**
 * What is wrong with `bytes` as one plain value: undefined when nothing is. Then a decoder makes
 * no more of them than they are long, nests no deeper than `MESSAGE_DEPTH_MAX`, and loses nothing:
 * keys are texts and stand once, numbers are finite and integers safe.
 */
export function faultOf(bytes: Uint8Array): string | undefined {
  return new Inspection(bytes).run()
}

class Inspection {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #open: Container[] = []
  #at = 0
  /** Values that counts have announced and that are still to come: each has a byte at least. */
  #due = 1

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  run(): string | undefined {
    while (this.#due > 0) {
      if (this.#due > this.#bytes.length - this.#at) return 'it announces more than it holds'
      const fault = this.#value()
      if (fault !== undefined) return fault
      this.#leave()
    }
    return this.#at === this.#bytes.length ? undefined : 'bytes follow it'
  }

  /** Containers that are complete end. */
  #leave(): void {
    for (;;) {
      const container = this.#open.at(-1)
      if (container === undefined || container.left > 0) return
      this.#open.pop()
    }
  }

  #value(): string | undefined {
    const first = this.#bytes[this.#at]!
    this.#at += 1
    this.#due -= 1
    const container = this.#open.at(-1)
    let isKey = false
    if (container !== undefined) {
      isKey = container.keys !== undefined && container.left % 2 === 0
      container.left -= 1
    }
    if (isKey && !isTextHead(first)) return 'a key is no text'
    if (first < 0x80 || first >= 0xe0) return undefined
    if (first < 0x90) return this.#enter(first & 15, true)
    if (first < 0xa0) return this.#enter(first & 15, false)
    if (first < 0xc0) return this.#text(first & 31, isKey ? container : undefined)
    return this.#headed(first, isKey ? container : undefined)
  }

  #headed(first: number, keyOf: Container | undefined): string | undefined {
    const [kind, headBytes] = kinds[first - 0xc0]!
    const start = this.#at
    this.#at += headBytes
    if (this.#at > this.#bytes.length) return 'it ends too early'
    switch (kind) {
      case 'plain':
        return undefined
      case 'refused':
        return 'it has an extension or a reserved byte'
      case 'float':
        return this.#float(start, headBytes)
      case 'wide':
        return this.#wide(start, first === 0xcf)
      case 'bytes':
        return this.#skip(this.#count(start, headBytes))
      case 'text':
        return this.#text(this.#count(start, headBytes), keyOf)
      case 'array':
      case 'map':
        return this.#enter(this.#count(start, headBytes), kind === 'map')
    }
  }

  #count(start: number, headBytes: number): number {
    if (headBytes === 1) return this.#view.getUint8(start)
    return headBytes === 2 ? this.#view.getUint16(start) : this.#view.getUint32(start)
  }

  #float(start: number, headBytes: number): string | undefined {
    const value = headBytes === 4 ? this.#view.getFloat32(start) : this.#view.getFloat64(start)
    return Number.isFinite(value) && !Object.is(value, -0) ? undefined : 'a number is none'
  }

  #wide(start: number, isUnsigned: boolean): string | undefined {
    const value = isUnsigned ? this.#view.getBigUint64(start) : this.#view.getBigInt64(start)
    return Number.isSafeInteger(Number(value)) ? undefined : 'an integer is too large'
  }

  #skip(length: number): string | undefined {
    this.#at += length
    return this.#at > this.#bytes.length ? 'it ends too early' : undefined
  }

  #text(length: number, keyOf: Container | undefined): string | undefined {
    const start = this.#at
    const fault = this.#skip(length)
    if (fault !== undefined || keyOf?.keys === undefined) return fault
    return addKey(keyOf.keys, this.#bytes.subarray(start, this.#at))
  }

  #enter(count: number, isMap: boolean): string | undefined {
    const left = isMap ? 2 * count : count
    if (left === 0) return undefined
    if (this.#open.length >= MESSAGE_DEPTH_MAX) return 'it is nested too deep'
    this.#due += left
    this.#open.push({ left, keys: isMap ? new Map() : undefined })
    return undefined
  }
}

function isTextHead(first: number): boolean {
  return (first >= 0xa0 && first < 0xc0) || (first >= 0xd9 && first <= 0xdb)
}

/** Notes a key by its hash (FNV-1a): texts are not made, and two keys are compared when hashes meet. */
function addKey(keys: Map<number, Uint8Array>, key: Uint8Array): string | undefined {
  let hash = 0x811c9dc5
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193)
  const other = keys.get(hash)
  if (other !== undefined && equalBytes(other, key)) return 'a key stands twice'
  keys.set(hash, key)
  return undefined
}
