/** A listing, page after page: in order, each key once. */

import { compareUtf8 } from '../../base/bytes.ts'

/** @returns what is wrong, a sentence each */
export function listingFaults(keys: readonly string[]): string[] {
  return keys.flatMap((key, index) => {
    const before = keys[index - 1]
    if (before === undefined || compareUtf8(before, key) < 0) return []
    return [`listing: "${key}" stands behind "${before}"`]
  })
}
