/** The worker that has every node take the key of the access keys' secrets, and keep it in the rows. */

import type { Sealers } from '../../store/cluster/sealers.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'

export interface SealingKeysOptions {
  readonly sealers: Pick<Sealers, 'look'>
  readonly hasLayout: () => boolean
}

/**
 * A node that serves no signed request has no need of the key. It takes it all the same, soon after
 * the first access key was made: it may be one of the few that survive.
 */
export class SealingKeys implements Worker {
  readonly name = 'sealing-key'
  readonly intervalMs = 10_000
  readonly tranquility = 0
  readonly #options: SealingKeysOptions

  constructor(options: SealingKeysOptions) {
    this.#options = options
  }

  async work(): Promise<WorkState> {
    const { sealers, hasLayout } = this.#options
    if (hasLayout()) await sealers.look()
    return 'idle'
  }
}
