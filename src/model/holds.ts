/** What is being read on this node, so that its blocks are not released under the reader. */

/**
 * Counts readers of manifests and of the uploads whose parts make an object.
 *
 * A reader holds after its settled read of the key and before it reads the manifest. Whoever
 * releases asks at the last moment before the references go. What was named when it was read, and
 * is being released when the hold is taken, still has the whole grace of its blocks.
 */
export class Holds {
  readonly #counts = new Map<string, number>()

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

  isHeld(name: string): boolean {
    return this.#counts.has(name)
  }
}
