/** Which operations of this node still run, so that nobody cleans up behind a living one. */

import type { Clock } from '../base/clock.ts'
import { DomainError } from '../base/errors.ts'
import { nodeId, type NodeId } from '../base/ids.ts'
import {
  CALL_DEADLINE_MS,
  OPERATION_SPAN_MICROS,
  PEER_GONE_MS,
  RELEASES_WAITING_MAX,
} from '../base/limits.ts'
import type { Network } from '../base/network.ts'
import { Silences } from '../base/silence.ts'

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

export function isSameOperation(a: OperationOwner, b: OperationOwner): boolean {
  return a.node === b.node && a.boot === b.boot && a.number === b.number
}

const ENDPOINT = 'model/is-running'

type IsRunningMessage = readonly [boot: string, number: number]

/** `unknown`: its node cannot be asked. */
export type OperationState = 'running' | 'ended' | 'unknown'

export interface RunningOperation {
  readonly owner: OperationOwner
  /** Says that nothing of the operation runs any more, whatever became of it. */
  end(): void
}

export interface RunningOperationsOptions {
  readonly network: Network
  readonly clock: Pick<Clock, 'monotonicMicros'>
  /** Fresh in each life of the process. */
  readonly boot: string
  /** Whether a node was declared lost, or has no role in any layout: it may never come back. */
  readonly isOutside?: (node: NodeId) => boolean
}

/**
 * The operations of one life of one node.
 *
 * Promises that an operation counts as running from `begin` until `end`; those of an earlier life
 * never do, since its process is gone.
 */
export class RunningOperations {
  readonly #options: RunningOperationsOptions
  readonly #network: Network
  readonly #boot: string
  readonly #silences: Silences
  readonly #running = new Set<number>()
  /** Since when those of silent nodes are asked about that add nothing more. */
  readonly #ending = new Map<string, number>()
  #last = 0

  /** Answers the other nodes from now on. */
  constructor(options: RunningOperationsOptions) {
    this.#options = options
    this.#silences = new Silences(options.clock)
    this.#network = options.network
    this.#boot = options.boot
    this.#network.handle(ENDPOINT, (_from, message) => {
      if (!Array.isArray(message)) return false
      const [boot, number] = message as unknown as IsRunningMessage
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

  /**
   * Of whoever cannot be asked it counts as running, until that node has been silent for long and
   * does not belong to the cluster any more.
   *
   * @param mayAdd whether it may still write what nobody would find: of one that only comes to its
   *   end the silence is enough, once it has had the time for that
   */
  async isRunning(owner: OperationOwner, mayAdd = true): Promise<boolean> {
    const state = await this.stateOf(owner)
    if (state !== 'unknown') return state === 'running'
    const node = nodeId(owner.node)
    if (mayAdd && this.#options.isOutside?.(node) !== true) return true
    if (this.#silences.spanMs(node) < PEER_GONE_MS) return true
    return !mayAdd && this.#isEnding(owner)
  }

  /** Its node may be silent to this one alone: then it has a span from now on for its change. */
  #isEnding({ node, boot, number }: OperationOwner): boolean {
    const name = `${node} ${boot} ${number}`
    const now = this.#options.clock.monotonicMicros()
    const since = this.#ending.get(name)
    if (since === undefined) {
      // Those that nobody asks about any more: in order of time.
      for (const [eldest, at] of this.#ending) {
        if (now - at < PEER_GONE_MS * 1000) break
        this.#ending.delete(eldest)
      }
      // Where they are too many the others come once these are through.
      if (this.#ending.size < RELEASES_WAITING_MAX) this.#ending.set(name, now)
      return true
    }
    if (now - since < OPERATION_SPAN_MICROS) return true
    this.#ending.delete(name)
    return false
  }

  async stateOf(owner: OperationOwner, deadlineMs = CALL_DEADLINE_MS): Promise<OperationState> {
    const message: IsRunningMessage = [owner.boot, owner.number]
    const node = nodeId(owner.node)
    const asked = this.#options.clock.monotonicMicros()
    try {
      const isRunning = await this.#network.call(node, ENDPOINT, message, { deadlineMs })
      this.#silences.answered(node)
      return isRunning === false ? 'ended' : 'running'
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      this.#silences.unanswered(node, asked)
      return 'unknown'
    }
  }

  get count(): number {
    return this.#running.size
  }
}
