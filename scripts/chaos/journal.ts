/** What the clients of a cell asked and were told: what the checkers judge. */

import type { Answer, Recorded, Request } from '../../src/simulation/history.ts'
import type { Content } from '../../test/support/content.ts'

/** How an operation ended for its client. */
export type Ending = 'ok' | 'refused' | 'unknown'

/** A listing of a whole bucket, page after page. */
export interface Listing {
  readonly call: number
  readonly end: number
  readonly keys: readonly string[]
}

export class Journal {
  /** Operations on single keys, in the words of the simulator's model. */
  readonly records: Recorded[] = []
  readonly listings: Listing[] = []
  /** What cannot be, noticed on the spot. */
  readonly violations: string[] = []
  readonly counts: Record<Ending, number> = { ok: 0, refused: 0, unknown: 0 }
  /** Requests that were sent for the operations. */
  attempts = 0
  /** Requests on their way: when they were sent, and which. */
  readonly underWay = new Set<{ readonly began: number; readonly what: string }>()
  /** Why outcomes were unknown or refused, and how often. */
  readonly reasons = new Map<string, number>()
  /** The bytes of each version that was ever sent. */
  readonly contents = new Map<string, readonly Content[]>()
  /** The longest that an operation took, and which it was. */
  slowest = { ms: 0, what: '' }
  /** After the load: reads of the end are judged too, but are no part of the figures. */
  isOver = false

  record(key: string, request: Request): Recorded {
    const recorded: Recorded = {
      ...{ key, request, call: performance.now() },
      end: Infinity,
      answer: undefined,
    }
    this.records.push(recorded)
    return recorded
  }

  answered(recorded: Recorded, answer: Answer): void {
    recorded.end = performance.now()
    recorded.answer = answer
  }

  /** Takes a record back: it is certain that it had no effect. */
  withdraw(recorded: Recorded): void {
    const at = this.records.lastIndexOf(recorded)
    if (at >= 0) this.records.splice(at, 1)
  }

  count(ending: Ending, reason: string): void {
    if (this.isOver) return
    this.counts[ending] += 1
    if (ending !== 'ok') this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1)
  }

  took(ms: number, what: string): void {
    if (ms > this.slowest.ms && !this.isOver) this.slowest = { ms: Math.round(ms), what }
  }

  get operationCount(): number {
    const { ok, refused, unknown } = this.counts
    return ok + refused + unknown
  }

  /** Every key that was ever written to, or asked to be. */
  keys(): string[] {
    return [...new Set(this.records.map(({ key }) => key))].sort(inByteOrder)
  }
}

/** The order of listings. */
export function inByteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
