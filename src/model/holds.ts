/** What is being read on the nodes, so that its blocks are not released under the reader. */

import { DomainError } from '../base/errors.ts'
import type { NodeId } from '../base/ids.ts'
import type { Network } from '../base/network.ts'

const ENDPOINT = 'model/is-held'
const ANSWER_MS = 1_000

/**
 * Counts readers of manifests and of the uploads whose parts make an object.
 *
 * A reader holds after its settled read of the key and before it reads the manifest. Whoever
 * releases asks at the last moment before the references go. What was named when it was read, and
 * is being released when the hold is taken, still has the whole grace of its blocks.
 */
export class Holds {
  readonly #network: Network
  readonly #counts = new Map<string, number>()

  /** Answers the other nodes from now on. */
  constructor(network: Network) {
    this.#network = network
    network.handle(ENDPOINT, (_from, message) =>
      (message as readonly string[]).some((name) => this.#counts.has(name)),
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
   * Whether any of the names is held on any node that can be asked. A reader on another one is
   * left the grace of the blocks.
   */
  async isHeld(...names: readonly string[]): Promise<boolean> {
    const { self } = this.#network
    const nodes = [self, ...this.#network.peers().map(({ node }) => node)]
    const answers = await Promise.all(nodes.map((node) => this.#ask(node, names)))
    return answers.some((isHeld) => isHeld)
  }

  async #ask(node: NodeId, names: readonly string[]): Promise<boolean> {
    try {
      const options = { deadlineMs: ANSWER_MS }
      return (await this.#network.call(node, ENDPOINT, names, options)) === true
    } catch (error) {
      if (error instanceof DomainError) return false
      throw error
    }
  }
}
