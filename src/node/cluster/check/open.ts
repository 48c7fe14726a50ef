/** The check of the whole cluster, put together on one node: its part, and what asks all parts. */

import type { Network } from '../../../base/network.ts'
import type { NodeBlocks } from '../../../block/open.ts'
import type { Cluster } from '../../../cluster/cluster.ts'
import type { Db } from '../../../db/db.ts'
import type { Store } from '../../../store/store.ts'
import type { OpenTables } from '../../../table/table.ts'
import type { Closers } from '../../closers.ts'
import { countLeftBuckets } from '../../buckets/left-buckets.ts'
import { ClusterCheck } from './check.ts'
import { CheckPart } from './part.ts'

export type { ClusterCheck } from './check.ts'

/** Answers other nodes from now on, until `closers` run. */
export function openClusterCheck(parts: {
  readonly db: Db
  readonly blocks: NodeBlocks
  readonly network: Network
  readonly cluster: Cluster
  readonly tables: OpenTables
  readonly store: Store
  readonly closers: Closers
}): ClusterCheck {
  const { db, tables, blocks, network, cluster, store, closers } = parts
  const { model, operations, clock, rng } = store
  const part = new CheckPart({ db, tables, model, blocks, operations, network, clock })
  closers.add(() => part.stop())
  return new ClusterCheck({
    ...{ network, cluster, clock, rng, tables },
    leftBuckets: () => countLeftBuckets(store),
  })
}
