/**
 * Whether one register that a hundred clients write at once was linearizable, in n log n.
 *
 * Every write has a value of its own, so the operations on a value stand together: its zone runs
 * from the first end to the last call among them. Source: Gibbons and Korach, "Testing shared
 * memories" (1997).
 */

import type { Recorded } from '../../../src/simulation/history.ts'

interface Zone {
  readonly value: string
  readonly from: number
  readonly to: number
}

/** Judges PUT and GET of one key, no deletes and no conditions. */
export function hotRegisterFaults(records: readonly Recorded[]): string[] {
  const faults: string[] = []
  const groups = new Map<string, Recorded[]>()
  for (const recorded of records) {
    const value = valueOf(recorded)
    if (value === undefined) continue
    const group = groups.get(value)
    if (group === undefined) groups.set(value, [recorded])
    else group.push(recorded)
  }
  const forward: Zone[] = []
  const backward: Zone[] = []
  for (const [value, group] of groups) {
    const write = group.find(({ request }) => request.kind === 'put')
    const reads = group.filter(({ request }) => request.kind === 'get')
    const early = reads.find(({ end }) => write !== undefined && end < write.call)
    if (early !== undefined) faults.push(`${value} was read before it was written`)
    // A write that nobody saw and that never ended may never have happened.
    if (write?.end === Infinity && reads.length === 0) continue
    // What is there before all writes was written before all time.
    const firstEnd = write === undefined ? -Infinity : least(group.map(({ end }) => end))
    const lastCall = -least(group.map(({ call }) => -call))
    if (firstEnd < lastCall) forward.push({ value, from: firstEnd, to: lastCall })
    else backward.push({ value, from: lastCall, to: firstEnd })
  }
  forward.sort((a, b) => a.from - b.from)
  for (const [index, zone] of forward.entries()) {
    const next = forward[index + 1]
    if (next !== undefined && next.from < zone.to) {
      faults.push(`${zone.value} and ${next.value} were each read when the other had replaced it`)
    }
  }
  for (const { value, from, to } of backward) {
    const around = lastFrom(forward, from)
    if (around !== undefined && around.from < from && to < around.to) {
      faults.push(`${value} was written while ${around.value} was there all the time`)
    }
  }
  return faults
}

function valueOf({ request, answer }: Recorded): string | undefined {
  if (request.kind === 'put') return answer?.kind === 'refused' ? undefined : request.version
  return answer?.kind === 'shows' ? answer.version : undefined
}

/** The last zone that begins before a time. */
function lastFrom(zones: readonly Zone[], time: number): Zone | undefined {
  let [low, high] = [0, zones.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (zones[middle]!.from < time) low = middle + 1
    else high = middle
  }
  return zones[low - 1]
}

function least(times: readonly number[]): number {
  let found = Infinity
  for (const time of times) found = Math.min(found, time)
  return found
}
