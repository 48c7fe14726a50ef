/** For how long nodes have given no answer. */

import type { Clock } from './clock.ts'
import type { NodeId } from './ids.ts'

/**
 * Remembers of each node when the first question since its last answer was asked. A node that was
 * never asked, or answered last, is not silent.
 */
export class Silences {
  readonly #clock: Pick<Clock, 'monotonicMicros'>
  readonly #sinceMicros = new Map<NodeId, number>()

  constructor(clock: Pick<Clock, 'monotonicMicros'>) {
    this.#clock = clock
  }

  answered(node: NodeId): void {
    this.#sinceMicros.delete(node)
  }

  /** @param askedMicros monotonic time of the question */
  unanswered(node: NodeId, askedMicros: number): void {
    if (!this.#sinceMicros.has(node)) this.#sinceMicros.set(node, askedMicros)
  }

  /** Milliseconds; 0 of a node that is not silent. */
  spanMs(node: NodeId): number {
    const since = this.#sinceMicros.get(node)
    return since === undefined ? 0 : (this.#clock.monotonicMicros() - since) / 1000
  }

  /** Forgets all other nodes. */
  keepOnly(nodes: readonly NodeId[]): void {
    for (const node of this.#sinceMicros.keys()) {
      if (!nodes.includes(node)) this.#sinceMicros.delete(node)
    }
  }
}
