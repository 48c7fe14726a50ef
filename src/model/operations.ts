/** Which operations of this node still run, so that nobody cleans up behind a living one. */

import { DomainError } from '../base/errors.ts'
import { nodeId } from '../base/ids.ts'
import { CALL_DEADLINE_MS } from '../base/limits.ts'
import type { Network } from '../base/network.ts'

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

const ENDPOINT = 'model/is-running'

type IsRunningMessage = readonly [boot: string, number: number]

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
  readonly #network: Network
  readonly #boot: string
  readonly #running = new Set<number>()
  #last = 0

  /**
   * Answers the other nodes from now on.
   *
   * @param options.boot fresh in each life of the process
   */
  constructor(options: { readonly network: Network; readonly boot: string }) {
    this.#network = options.network
    this.#boot = options.boot
    this.#network.handle(ENDPOINT, (_from, message) => {
      const [boot, number] = message as IsRunningMessage
      return boot === this.#boot && this.#running.has(number)
    })
  }

  begin(): RunningOperation {
    this.#last += 1
    const number = this.#last
    this.#running.add(number)
    return {
      owner: { node: this.#network.self, boot: this.#boot, number },
      end: () => void this.#running.delete(number),
    }
  }

  /** Of whoever cannot be asked it counts as running. */
  async isRunning(owner: OperationOwner): Promise<boolean> {
    const message: IsRunningMessage = [owner.boot, owner.number]
    const options = { deadlineMs: CALL_DEADLINE_MS }
    try {
      return (await this.#network.call(nodeId(owner.node), ENDPOINT, message, options)) !== false
    } catch (error) {
      if (error instanceof DomainError) return true
      throw error
    }
  }

  get count(): number {
    return this.#running.size
  }
}
