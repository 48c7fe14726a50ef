/** Counting votes of owners until a quorum of every active layout has said yes. */

import type { NodeId } from '../base/ids.ts'
import { quorumOf } from './cluster.ts'

/** The count of owners for and against, in every active layout. */
export class Votes {
  readonly #lists: readonly (readonly NodeId[])[]
  readonly #wanted: readonly number[]
  readonly #for: number[]
  readonly #against: number[]

  constructor(lists: readonly (readonly NodeId[])[], quorum: typeof quorumOf = quorumOf) {
    this.#lists = lists
    this.#wanted = lists.map((list) => quorum(list))
    this.#for = lists.map(() => 0)
    this.#against = lists.map(() => 0)
  }

  /** A node votes once. */
  add(node: NodeId, isFor: boolean): void {
    const counts = isFor ? this.#for : this.#against
    for (let index = 0; index < this.#lists.length; index += 1) {
      if (this.#lists[index]!.includes(node)) counts[index]! += 1
    }
  }

  get isWon(): boolean {
    return this.#for.every((count, index) => count >= this.#wanted[index]!)
  }

  /** A quorum is out of reach in some list. */
  get isLost(): boolean {
    return this.#against.some(
      (count, index) => this.#lists[index]!.length - count < this.#wanted[index]!,
    )
  }

  get isDecided(): boolean {
    return this.isWon || this.isLost
  }
}
