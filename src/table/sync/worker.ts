/** The worker that compares this node with every other owner, one after another. */

import type { NodeId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import { DomainError } from '../../base/errors.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import type { SyncReport } from './puller.ts'

export interface SyncWorkerOptions {
  /** Owners of partitions that this node owns too. */
  readonly peers: () => readonly NodeId[]
  readonly pull: (peer: NodeId, signal: AbortSignal) => Promise<SyncReport>
  readonly log: Log
  readonly intervalMs: number
}

export class SyncWorker implements Worker {
  readonly name = 'table-sync'
  readonly tranquility = 1
  readonly intervalMs: number
  readonly #options: SyncWorkerOptions
  #left: NodeId[] = []
  /** Owners that could not be compared with when it was last their turn. */
  readonly #missed = new Set<NodeId>()

  constructor(options: SyncWorkerOptions) {
    this.#options = options
    this.intervalMs = options.intervalMs
  }

  queueLength(): number {
    return this.#left.length
  }

  remarks(): readonly string[] {
    if (this.#missed.size === 0) return []
    const names = [...this.#missed].map((node) => node.slice(0, 16)).sort()
    return [`not compared with ${names.join(', ')}`]
  }

  /** One owner in each step. One that does not answer is left to the next round. */
  async work(signal: AbortSignal): Promise<WorkState> {
    const { peers, pull, log } = this.#options
    if (this.#left.length === 0) {
      this.#left = [...peers()]
      for (const node of this.#missed) if (!this.#left.includes(node)) this.#missed.delete(node)
    }
    const peer = this.#left.shift()
    if (peer === undefined) return 'idle'
    try {
      const { differing, settled, unreadable } = await pull(peer, signal)
      this.#missed.delete(peer)
      if (unreadable > 0)
        log.warn({ peer, unreadable }, 'Rows of another owner cannot be read here')
      if (differing > 0) log.info({ peer, differing, settled }, 'Rows of another owner were copied')
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      this.#missed.add(peer)
      log.debug({ peer, code: String(error.code) }, 'Another owner could not be compared with')
    }
    return this.#left.length > 0 ? 'busy' : 'idle'
  }
}
