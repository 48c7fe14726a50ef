/** XML that grows long: its text becomes bytes piece by piece, and is never joined as one string. */

import { UTF8_UNIT_BYTES_MAX } from '../../base/bytes.ts'

/**
 * Text waits until there is this much of it. A thousand entries joined by `+` are a tree of some
 * ten thousand strings, which costs three to four times as much to make flat as pieces of this
 * length do, and leaves them all to the collector.
 */
const PIECE_UNITS = 4096
const FIRST_BYTES = 1 << 14

/** A document as it is written. Its text holds no lone surrogate: `escapeXml` replaces them. */
export class XmlBytes {
  #bytes: Buffer
  #length = 0
  #waiting = ''

  /** @param expectedBytes room that is made at once; more is made where it is needed */
  constructor(expectedBytes = FIRST_BYTES) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes)
  }

  /** `text` is XML already. */
  add(text: string): void {
    this.#waiting += text
    if (this.#waiting.length >= PIECE_UNITS) this.#write()
  }

  /** All that was added. Nothing is added afterwards. */
  bytes(): Uint8Array {
    this.#write()
    return this.#bytes.subarray(0, this.#length)
  }

  #write(): void {
    const needed = this.#length + this.#waiting.length * UTF8_UNIT_BYTES_MAX
    if (needed > this.#bytes.length) {
      const longer = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
      this.#bytes.copy(longer, 0, 0, this.#length)
      this.#bytes = longer
    }
    this.#length += this.#bytes.write(this.#waiting, this.#length)
    this.#waiting = ''
  }
}
