/** Whether each key was one register: some order of its operations explains every answer. */

import { historyOf, initialState, type Recorded } from '../../../src/simulation/history.ts'

import { linearizationFault } from '../../../src/simulation/linearizability.ts'
import { byKey } from './by-key.ts'

/** What no order explains, a sentence for each key. */
export function registerFaults(records: readonly Recorded[]): string[] {
  const groups = byKey(records)
  return [...groups].flatMap(([key, ofKey]) => {
    const fault = linearizationFault(historyOf(ofKey), initialState)
    return fault === undefined ? [] : [`${key} is not linearizable, ${fault}`]
  })
}
