/** Has every node take the key of the access keys' secrets, and keep it: on disk, then in the rows. */

import type { Cluster } from '../../cluster/cluster.ts'
import { standsAlone } from '../../cluster/lone.ts'
import { listKeys } from '../../store/access-key.ts'
import type { Sealers } from '../../store/cluster/sealers.ts'
import type { Store } from '../../store/store.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import { NodeError } from '../errors.ts'
import type { Folders } from '../options.ts'
import type { SealingKey } from '../secret-files.ts'

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

/**
 * The key of the secrets is on disk before anything is sealed with it. A node that stands alone and
 * may grow shares its key before others come: what was sealed earlier is for them too.
 *
 * @throws {NodeError} `SecretsLost`
 */
export async function keepSecrets(built: {
  readonly cluster: Cluster
  readonly store: Store
  readonly folders: Folders
  readonly sealing: SealingKey
  /** To other nodes. */
  readonly speaks: boolean
}): Promise<void> {
  const { cluster, store, folders, sealing, speaks } = built
  const { keep } = sealing
  const isAsked = standsAlone(cluster) && (keep !== undefined || speaks)
  const [first] = isAsked ? await listKeys(store) : []
  if (keep !== undefined) {
    if (first !== undefined) throw secretsLost(folders)
    await keep()
  }
  if (first !== undefined && speaks) await store.sealers.forSealing()
}

/** Access keys whose sealing key is gone can never sign again: said at the start, not at use. */
function secretsLost(folders: Folders): NodeError {
  return new NodeError(
    'SecretsLost',
    `Cannot read the secrets of the access keys: "${folders.metadata}/sealing-key" was lost. ` +
      'Put it back from a copy; the data itself is whole',
  )
}
