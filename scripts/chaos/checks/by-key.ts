/** The operations of each key. */

import type { Recorded } from '../../../src/simulation/history.ts'

export function byKey(records: readonly Recorded[]): Map<string, Recorded[]> {
  const groups = new Map<string, Recorded[]>()
  for (const recorded of records) {
    const group = groups.get(recorded.key)
    if (group === undefined) groups.set(recorded.key, [recorded])
    else group.push(recorded)
  }
  return groups
}
