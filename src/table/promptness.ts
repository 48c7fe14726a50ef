/** How promptly other nodes answer: whom to ask first, and when another is worth asking too. */

import type { Clock } from '../base/clock.ts'
import type { NodeId } from '../base/ids.ts'
import { Latencies } from './latency.ts'

/** A node's answer is late after this many times what 95 of 100 recent ones took. */
const PATIENCE_FACTOR = 2
const PATIENCE_MS_MIN = 20
const PATIENCE_MS_MAX = 400
/** As long as too few answers have come to say. */
const PATIENCE_MS_FIRST = 200
/** A node that failed a call is asked last for this long. */
const SUSPECT_MICROS = 1_000_000

interface Running {
  readonly sinceMicros: number
  readonly patienceMs: number
}

interface Behaviour {
  /** Calls without an end, the oldest first. */
  readonly running: Map<number, Running>
  suspectUntilMicros: number
}

/**
 * Judged by calls alone, so that a node which is up but frozen, or up and slow, counts as well as
 * one that is gone. Being asked last harms nobody: where every answer is needed it is asked too.
 */
export class Promptness {
  readonly #clock: Clock
  readonly #latencies = new Latencies()
  readonly #nodes = new Map<NodeId, Behaviour>()
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * A call to another node begins.
   *
   * @returns told of its end: whether the node answered with what was asked for
   */
  began(node: NodeId, endpoint: string): (isAnswered: boolean) => void {
    const behaviour = this.#behaviour(node)
    const sinceMicros = this.#clock.monotonicMicros()
    const patienceMs = this.patienceMs(node, endpoint)
    this.#count += 1
    const call = this.#count
    behaviour.running.set(call, { sinceMicros, patienceMs })
    return (isAnswered) => {
      behaviour.running.delete(call)
      const now = this.#clock.monotonicMicros()
      if (isAnswered) this.#latencies.note(node, endpoint, (now - sinceMicros) / 1000)
      else behaviour.suspectUntilMicros = now + SUSPECT_MICROS
    }
  }

  /** The same nodes, those first that answer lately; nodes that are alike stay in their order. */
  promptFirst(nodes: readonly NodeId[]): readonly NodeId[] {
    if (nodes.length === 1) return nodes
    const now = this.#clock.monotonicMicros()
    const late = nodes.filter((node) => this.#isLate(node, now))
    if (late.length === 0 || late.length === nodes.length) return nodes
    return [...nodes.filter((node) => !late.includes(node)), ...late]
  }

  /** How long a node's answer is worth waiting for before another is asked. */
  patienceMs(node: NodeId, endpoint: string): number {
    const expectedMs = this.#latencies.expectedMs(node, endpoint)
    if (expectedMs === undefined) return PATIENCE_MS_FIRST
    return Math.min(Math.max(PATIENCE_FACTOR * expectedMs, PATIENCE_MS_MIN), PATIENCE_MS_MAX)
  }

  #isLate(node: NodeId, now: number): boolean {
    const behaviour = this.#nodes.get(node)
    if (behaviour === undefined) return false
    if (behaviour.suspectUntilMicros > now) return true
    const [oldest] = behaviour.running.values()
    return oldest !== undefined && now - oldest.sinceMicros > oldest.patienceMs * 1000
  }

  #behaviour(node: NodeId): Behaviour {
    let behaviour = this.#nodes.get(node)
    if (behaviour === undefined) {
      behaviour = { running: new Map(), suspectUntilMicros: 0 }
      this.#nodes.set(node, behaviour)
    }
    return behaviour
  }
}
