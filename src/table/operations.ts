/** What a register remembers of the operations that changed it, so that retries are recognised. */

import { OPERATIONS_DONE_MAX, OPERATIONS_OPEN_MAX } from '../base/limits.ts'
import type { OperationRecord } from './row.ts'

/**
 * For so many spans after its first time an operation is remembered: whoever named it may begin it anew,
 * at another node, until a span after that, and there it is tried for a span.
 */
export const SPANS_REMEMBERED = 2

export interface Remembering {
  readonly found: readonly OperationRecord[]
  readonly added: OperationRecord
  /** Ids whose outcome this node knows. */
  readonly done: readonly string[] | undefined
  readonly spanMicros: number
  /** Of the ballot under which the next value is written. */
  readonly nowMicros: number
}

/**
 * The records beside a register's next value. Pure.
 * Undefined when too many operations are open: the change may not be made.
 */
export function nextOperations(remembering: Remembering): readonly OperationRecord[] | undefined {
  const { found, added, done, spanMicros, nowMicros } = remembering
  const kept: OperationRecord[] = []
  let openCount = 0
  let doneCount = 0
  for (const record of found) {
    if (record[1] < nowMicros - SPANS_REMEMBERED * spanMicros) continue
    const isDone = record[2] === 1 || done?.includes(record[0]) === true
    if (isDone) doneCount += 1
    else if (record[1] >= nowMicros - spanMicros) openCount += 1
    kept.push(isDone && record[2] === 0 ? [record[0], record[1], 1, record[3], record[4]] : record)
  }
  if (openCount >= OPERATIONS_OPEN_MAX) return undefined
  kept.push(added)
  if (doneCount <= OPERATIONS_DONE_MAX) return kept
  // Records stand in the order of their changes: the oldest done ones go.
  let surplus = doneCount - OPERATIONS_DONE_MAX
  return kept.filter((record) => {
    if (record[2] === 0 || surplus === 0) return true
    surplus -= 1
    return false
  })
}

/** Known outcomes of this node's changes, until its next change of the key says so. Bounded. */
export class DoneMarks {
  readonly #ids = new Map<string, readonly string[]>()
  readonly #registersMax: number

  constructor(registersMax: number) {
    this.#registersMax = registersMax
  }

  of(register: string): readonly string[] | undefined {
    return this.#ids.get(register)
  }

  /** Losing a mark is no fault, but its operation counts as open for a span: see the bound above. */
  add(register: string, id: string): void {
    const ids = this.#ids.get(register)
    if (ids === undefined && this.#ids.size >= this.#registersMax) this.#ids.clear()
    this.#ids.set(register, ids === undefined ? [id] : [...ids, id].slice(-OPERATIONS_OPEN_MAX))
  }

  /** A change that carried these marks was chosen; what came since waits for the next one. */
  written(register: string, carried: readonly string[]): void {
    const ids = this.#ids.get(register)
    if (ids === undefined) return
    const known = new Set(carried)
    const left = ids.filter((id) => !known.has(id))
    if (left.length === 0) this.#ids.delete(register)
    else this.#ids.set(register, left)
  }
}
