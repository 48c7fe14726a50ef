/** What goes into one message: lists of rows are cut where they would grow too long for it. */

import { UTF8_UNIT_BYTES_MAX } from './bytes.ts'
import { ROWS_PER_MESSAGE_BYTES_MAX } from './limits.ts'

/** Counts the bytes of a message that is being filled. */
export class Freight {
  #bytes = 0
  #isEmpty = true

  /** Takes something on unless it would be too much. What comes first always goes. */
  takes(bytes: number): boolean {
    if (!this.#isEmpty && this.#bytes + bytes > ROWS_PER_MESSAGE_BYTES_MAX) return false
    this.#isEmpty = false
    this.#bytes += bytes
    return true
  }
}

/** What msgpack sets before a text. */
const TEXT_HEAD_BYTES_MAX = 5

/**
 * Whether so many texts with so many units together go into one message whatever is in them. Costs
 * no look at a character, as `packedSizeMax` does of each text.
 */
export function textsFit(texts: number, units: number): boolean {
  const bytesMax = texts * TEXT_HEAD_BYTES_MAX + units * UTF8_UNIT_BYTES_MAX
  return bytesMax <= ROWS_PER_MESSAGE_BYTES_MAX
}

/** The items in their order, as many together as go into one message. */
export function inMessages<Item>(
  items: readonly Item[],
  sizeOf: (item: Item) => number,
): readonly (readonly Item[])[] {
  if (items.length <= 1) return items.length === 0 ? [] : [items]
  const messages: Item[][] = []
  let freight = new Freight()
  for (const item of items) {
    const bytes = sizeOf(item)
    if (messages.length > 0 && freight.takes(bytes)) {
      messages.at(-1)!.push(item)
      continue
    }
    freight = new Freight()
    freight.takes(bytes)
    messages.push([item])
  }
  return messages
}
