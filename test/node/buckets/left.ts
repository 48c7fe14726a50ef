/** The worker of left buckets as a node has it that owns everything and knows of no other. */

import type { NodeId } from '../../../src/base/ids.ts'
import { loneCluster } from '../../../src/cluster/lone.ts'
import { LeftBuckets } from '../../../src/node/buckets/left-buckets.ts'
import type { Store } from '../../../src/store/store.ts'

export function leftBuckets(store: Store, self: NodeId): LeftBuckets {
  const network = { peers: () => [] }
  return new LeftBuckets({ store, cluster: loneCluster(self), network, hasLayout: () => true })
}

/** A whole round. @returns how many steps it took */
export async function round(worker: LeftBuckets): Promise<number> {
  const { signal } = new AbortController()
  for (let steps = 1; ; steps += 1) {
    if ((await worker.work(signal)) === 'idle') return steps
  }
}
