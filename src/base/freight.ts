/** What goes into one message: lists of rows are cut where they would grow too long for it. */

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
