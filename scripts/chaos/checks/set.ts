/** Whether a set that only grows was listed whole: what was acknowledged before, nothing invented. */

import type { Recorded } from '../../../src/simulation/history.ts'
import type { Listing } from '../journal.ts'

export function setFaults(records: readonly Recorded[], listings: readonly Listing[]): string[] {
  const faults: string[] = []
  const puts = records.filter(({ request }) => request.kind === 'put')
  for (const { call, end, keys } of listings) {
    const shown = new Set(keys)
    const begun = new Set(puts.filter((put) => put.call < end).map(({ key }) => key))
    const missing = puts.find((put) => put.end < call && !shown.has(put.key))
    if (missing !== undefined) {
      const ago = Math.round(call - missing.end)
      faults.push(`LIST misses ${missing.key}, acknowledged ${ago} ms before`)
    }
    const invented = keys.find((key) => !begun.has(key))
    if (invented !== undefined) faults.push(`LIST shows ${invented}, which nobody had put yet`)
  }
  return faults
}
