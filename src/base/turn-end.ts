/** Lets the answers that were made in one turn of the event loop leave together, at its end. */

import type { Clock } from './clock.ts'
import { ANSWERS_TOGETHER_MAX } from './limits.ts'

/** Those who wait for the end of the same turn. */
interface Group {
  readonly ended: Promise<void>
  readonly end: () => void
  count: number
}

/**
 * A write wakes the client that sleeps, and waking costs more than the write. Answers that leave one
 * right after the other find it awake, or wake it once.
 */
export class TurnEnd {
  readonly #clock: Pick<Clock, 'soon'>
  readonly #max: number
  #group: Group | undefined
  #last: object | undefined

  /** @param max of one group: it does not wait for the end of the turn */
  constructor(clock: Pick<Clock, 'soon'>, max: number = ANSWERS_TOGETHER_MAX) {
    this.#clock = clock
    this.#max = max
  }

  /**
   * Resolves at the end of this turn, in the order of the calls; for a full group at once. Undefined
   * where the last one, too, was for this client: it is alone, and would wait for nobody.
   */
  waitFor(client: object): Promise<void> | undefined {
    if (this.#last === client) return undefined
    this.#last = client
    const group = (this.#group ??= this.#begin())
    group.count += 1
    if (group.count >= this.#max) this.#end(group)
    return group.ended
  }

  #begin(): Group {
    let end = (): void => undefined
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const group: Group = { ended, end, count: 0 }
    this.#clock.soon(() => this.#end(group))
    return group
  }

  #end(group: Group): void {
    if (this.#group === group) this.#group = undefined
    group.end()
  }
}
