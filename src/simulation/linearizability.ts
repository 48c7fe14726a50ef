/**
 * Decides whether a history of one register is linearizable.
 *
 * Source: Wing and Gong, "Testing and verifying concurrent objects" (1993), with the memo of
 * configurations of Lowe, "Testing for linearizability" (2017).
 */

/** An operation as its client saw it. States are strings. */
export interface HistoryEntry {
  readonly call: number
  /** Infinity when the client never learned the outcome: it may take effect later, or never. */
  readonly end: number
  /** The state after it, if its answer can be true in `state`; else undefined. */
  readonly apply: (state: string) => string | undefined
  readonly label: string
  /** Unknown operations of one name have the same effect: it does not matter which of them had it. */
  readonly alike?: string | undefined
  /** Where it changes nothing now it may change something later, and its answer fits both. */
  readonly mayWait?: boolean | undefined
}

const WORD_BITS = 30

/** Changes nothing in any state, has ended, and its answer is true now. */
function mayComeNow({ end, mayWait, apply }: HistoryEntry, state: string): boolean {
  return end !== Infinity && mayWait !== true && apply(state) === state
}

/** Undefined when some order explains every answer, else a sentence on how far it got. */
export function linearizationFault(
  history: readonly HistoryEntry[],
  initial: string,
): string | undefined {
  const entries = [...history].sort((a, b) => a.call - b.call)
  const done = entries.map(() => false)
  const words = new Array<number>(Math.ceil(entries.length / WORD_BITS) || 1).fill(0)
  const seen = new Set<string>()
  let farthest = 0
  let stuckAt = ''

  const mark = (index: number, isDone: boolean): void => {
    done[index] = isDone
    words[Math.floor(index / WORD_BITS)]! ^= 1 << (index % WORD_BITS)
  }

  /** Operations that may come next: called before any that is left has ended. */
  const candidates = (): number[] => {
    let firstEnd = Infinity
    const open: number[] = []
    for (let index = 0; index < entries.length; index += 1) {
      if (done[index]) continue
      const entry = entries[index]!
      if (entry.call > firstEnd) break
      open.push(index)
      if (entry.end < firstEnd) firstEnd = entry.end
    }
    // Those that have ended first: an unknown one is only taken where nothing else explains.
    return open
      .filter((index) => entries[index]!.call <= firstEnd)
      .sort((a, b) => entries[a]!.end - entries[b]!.end)
  }

  const explain = (state: string, count: number): boolean => {
    const open = candidates()
    if (open.every((index) => entries[index]!.end === Infinity)) {
      if (entries.every((entry, index) => done[index] || entry.end === Infinity)) return true
    }
    // One that changes nothing and is true now may as well come now.
    for (const index of open) {
      if (!mayComeNow(entries[index]!, state)) continue
      mark(index, true)
      const isExplained = explain(state, count + 1)
      if (!isExplained) mark(index, false)
      return isExplained
    }
    const configuration = `${words.join(',')} ${state}`
    if (seen.has(configuration)) return false
    seen.add(configuration)
    const tried = new Set<string>()
    for (const index of open) {
      const { alike, apply, mayWait } = entries[index]!
      const next = apply(state)
      if (next === undefined || (next === state && mayWait !== true)) continue
      if (alike !== undefined && tried.size === tried.add(alike).size) continue
      mark(index, true)
      if (explain(next, count + 1)) return true
      mark(index, false)
    }
    if (count >= farthest) {
      farthest = count
      const left = open.map((index) => entries[index]!.label).join('; ')
      stuckAt = `after ${count} of ${entries.length} operations, in state "${state}": ${left}`
    }
    return false
  }

  return explain(initial, 0) ? undefined : stuckAt
}
