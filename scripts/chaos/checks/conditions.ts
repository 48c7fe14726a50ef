/** Whether of those who would create a key at once at most one was told that it did. */

import type { Recorded } from '../../../src/simulation/history.ts'
import { byKey } from './by-key.ts'

/** For keys that are never deleted. The order of everything else is judged as of registers. */
export function winnerFaults(records: readonly Recorded[]): string[] {
  const groups = byKey(records)
  return [...groups].flatMap(([key, ofKey]) => {
    if (ofKey.some(({ request }) => request.kind === 'delete')) return []
    const winners = ofKey.filter(
      ({ request, answer }) => request.kind === 'put' && request.ifNone && answer?.kind === 'done',
    )
    return winners.length < 2 ? [] : [`${key} was created ${winners.length} times`]
  })
}
