/** Which operations of this node still run, so that nobody cleans up behind a living one. */

import type { NodeId } from '../base/ids.ts'

/** Who works on something: a node, one life of its process, the number of the operation. */
export interface OperationOwner {
  readonly node: string
  /** Drawn at each start of the process. */
  readonly boot: string
  readonly number: number
}

export type StoredOwner = readonly [node: string, boot: string, number: number]

export function encodeOwner(owner: OperationOwner): StoredOwner {
  return [owner.node, owner.boot, owner.number]
}

export function decodeOwner(stored: StoredOwner): OperationOwner {
  return { node: stored[0], boot: stored[1], number: stored[2] }
}

export interface RunningOperation {
  readonly owner: OperationOwner
  /** Says that nothing of the operation runs any more, whatever became of it. */
  end(): void
}

/**
 * The operations of one life of one node.
 *
 * Promises that an operation counts as running from `begin` until `end`; those of an earlier life
 * never do, since its process is gone.
 */
export class RunningOperations {
  readonly #node: NodeId
  readonly #boot: string
  readonly #askNode: (owner: OperationOwner) => Promise<boolean>
  readonly #running = new Set<number>()
  #last = 0

  /**
   * @param options.boot fresh in each life of the process
   * @param options.askNode asks another node; whoever cannot be asked counts as running
   */
  constructor(options: {
    readonly node: NodeId
    readonly boot: string
    readonly askNode?: (owner: OperationOwner) => Promise<boolean>
  }) {
    this.#node = options.node
    this.#boot = options.boot
    this.#askNode = options.askNode ?? (() => Promise.resolve(true))
  }

  begin(): RunningOperation {
    this.#last += 1
    const number = this.#last
    this.#running.add(number)
    return {
      owner: { node: this.#node, boot: this.#boot, number },
      end: () => void this.#running.delete(number),
    }
  }

  async isRunning(owner: OperationOwner): Promise<boolean> {
    if (owner.node !== this.#node) return this.#askNode(owner)
    return owner.boot === this.#boot && this.#running.has(owner.number)
  }

  get count(): number {
    return this.#running.size
  }
}
