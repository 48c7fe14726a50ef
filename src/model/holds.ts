/** What is being read on the nodes, so that its blocks are not released under the reader. */

import type { Clock } from '../base/clock.ts'
import { DomainError } from '../base/errors.ts'
import type { NodeId } from '../base/ids.ts'
import type { Network } from '../base/network.ts'
import { Silences } from '../base/silence.ts'

const ENDPOINT = 'model/is-held'
const ANSWER_MS = 1_000

export interface HoldsOptions {
  readonly network: Network
  readonly clock: Pick<Clock, 'monotonicMicros'>
  /** That of blocks without references: what a reader still needs lies there for so long. */
  readonly graceMs: number
  /** Whether a node was declared lost, or has no role in any layout: it is not waited for. */
  readonly isOutside?: (node: NodeId) => boolean
}

/**
 * Counts readers of manifests and of the uploads whose parts make an object.
 *
 * A reader holds after its settled read of the key and before it reads the manifest. Whoever
 * releases asks at the last moment before the references go. What was named when it was read, and
 * is being released when the hold is taken, still has the whole grace of its blocks.
 */
export class Holds {
  readonly #options: HoldsOptions
  readonly #counts = new Map<string, number>()
  readonly #silences: Silences

  /** Answers the other nodes from now on. */
  constructor(options: HoldsOptions) {
    this.#options = options
    this.#silences = new Silences(options.clock)
    options.network.handle(
      ENDPOINT,
      (_from, message) =>
        Array.isArray(message) && message.some((name) => this.#counts.has(name as string)),
    )
  }

  /** @returns what ends the hold; calling it again does nothing */
  hold(...names: readonly string[]): () => void {
    for (const name of names) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    let held = true
    return () => {
      if (!held) return
      held = false
      for (const name of names) {
        const left = this.#counts.get(name)! - 1
        if (left === 0) this.#counts.delete(name)
        else this.#counts.set(name, left)
      }
    }
  }

  /**
   * Whether any of the names is held on any node. A node that cannot be asked may hold all of them,
   * until it has been silent for the grace: it may be frozen, and its readers go on when it wakes.
   */
  async isHeld(...names: readonly string[]): Promise<boolean> {
    const { network } = this.#options
    const peers = network.peers().map(({ node }) => node)
    this.#silences.keepOnly(peers)
    const nodes = [network.self, ...peers]
    const answers = await Promise.all(nodes.map((node) => this.#ask(node, names)))
    return answers.some((isHeld) => isHeld)
  }

  async #ask(node: NodeId, names: readonly string[]): Promise<boolean> {
    const { network, clock, graceMs, isOutside } = this.#options
    const asked = clock.monotonicMicros()
    try {
      const options = { deadlineMs: ANSWER_MS }
      const isHeld = (await network.call(node, ENDPOINT, names, options)) === true
      this.#silences.answered(node)
      return isHeld
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      this.#silences.unanswered(node, asked)
      if (isOutside?.(node) === true) return false
      return this.#silences.spanMs(node) < graceMs
    }
  }
}
