/** What a node does beside its requests: what a start finishes of the last life, then the workers. */

import type { Metrics } from '../base/metrics.ts'
import type { Network } from '../base/network.ts'
import { BlockFetch } from '../block/fetch.ts'
import type { NodeBlocks } from '../block/open.ts'
import type { ReplicatedBlocks } from '../block/replicated.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { standsAlone } from '../cluster/lone.ts'
import type { Db } from '../db/db.ts'
import { EndedRows } from '../model/release/ended-rows.ts'
import { ReleaseWorker } from '../model/release.ts'
import type { Store } from '../store/store.ts'
import type { OpenTables } from '../table/table.ts'
import { stopAll, WorkerRunner } from '../worker/runner.ts'
import type { Worker, Working } from '../worker/worker.ts'
import type { Closers } from './closers.ts'
import type { Ground } from './ground.ts'
import { LeftBuckets } from './buckets/left-buckets.ts'
import { sparingWorker } from './space/sparing.ts'
import type { SpaceGuard } from './space/guard.ts'

/** Between two comparisons with every other owner: a row that was late for one lies there soon. */
const SYNC_INTERVAL_MS = 30_000
/** Between two looks at what a change of layout still wants of this node. */
const GATHER_INTERVAL_MS = 5_000
/** Between two walks over the rows for tombstones. */
const COLLECT_INTERVAL_MS = 15 * 60_000

export interface BackgroundParts {
  readonly ground: Ground
  readonly store: Store
  readonly db: Db
  readonly tables: OpenTables
  readonly blocks: NodeBlocks
  readonly replicated: ReplicatedBlocks
  readonly cluster: Cluster
  readonly network: Pick<Network, 'peers'>
  readonly metrics: Metrics
  readonly closers: Closers
  readonly space?: SpaceGuard | undefined
  readonly hasLayout: () => boolean
  /** Told when this node may have become complete as of a newer layout. */
  readonly completed: () => void
  /** Whether every other owner refuses epochs with fewer re-admissions. */
  readonly isConfirmed: (readmissions: number) => Promise<boolean>
  /** Workers beside those that every node has. */
  readonly others: readonly Worker[]
}

export interface Background {
  /** Wakes every worker: another node came, or something else that they may wait for. */
  readonly wake: () => void
  readonly workers: readonly Working[]
}

export async function startBackground(parts: BackgroundParts): Promise<Background> {
  const { ground, store, db, tables, blocks, cluster, metrics, closers } = parts
  const { clock, log, simulated } = ground
  const { model, operations, holds } = store
  const { network, hasLayout } = parts
  const buckets = new LeftBuckets({ store, cluster, network, hasLayout })
  // Whoever made a bucket on a lone node made it in an earlier life.
  if (standsAlone(cluster)) {
    await buckets
      .finish(() => true)
      .catch((error: unknown) => {
        // One that others took in meanwhile leaves it to the worker.
        if (standsAlone(cluster)) throw error
      })
  }
  const release = new ReleaseWorker({
    db,
    ...{ tables, model, operations, holds, clock, log, metrics, cluster },
    ...(simulated === undefined ? {} : { spanMicros: simulated.spanMicros }),
  })
  const sync = tables.syncWorker({ log, intervalMs: simulated?.syncIntervalMs ?? SYNC_INTERVAL_MS })
  const fetch = new BlockFetch({
    local: blocks,
    ...{ cluster: parts.replicated, clock, log, metrics },
    ...(simulated === undefined ? {} : { intervalMs: simulated.fetchIntervalMs }),
  })
  const gather = tables.gatherWorker({
    log,
    intervalMs: simulated?.gatherIntervalMs ?? GATHER_INTERVAL_MS,
    withBlocks: (partitions) => blocks.wholePartitions(partitions),
    progressed: parts.completed,
    isConfirmed: parts.isConfirmed,
  })
  const collect = tables.collectWorker({
    intervalMs: simulated?.collectIntervalMs ?? COLLECT_INTERVAL_MS,
    metrics,
  })
  const ended = new EndedRows({ db, tables, model, log, intervalMs: collect.intervalMs })
  const copying = [sync, fetch, gather, blocks.goneSegments].map((worker) =>
    sparingWorker(worker, parts.space),
  )
  const runners = [buckets, release, ...copying, collect, ended, ...parts.others].map((worker) => {
    const runner = new WorkerRunner(worker, { clock, log })
    runner.start()
    return runner
  })
  closers.add(() => stopAll(runners))
  // Nobody has to wait for what a new layout changes.
  const wake = (): void => {
    for (const runner of runners) runner.wake()
  }
  cluster.onChange(wake)
  parts.space?.onRoom(wake)
  await blocks.start()
  const workers = [...runners, ...blocks.workers()]
  measure(metrics, workers)
  return { wake, workers }
}

/** The workers together; each by itself is told by ListWorkers. */
function measure(metrics: Metrics, workers: readonly Working[]): void {
  const named = (name: string): number =>
    workers.find((worker) => worker.status().name === name)?.status().queueLength ?? 0
  metrics.gauge(
    'workers_failing',
    'Workers whose last step ended in an error',
    () => workers.filter((worker) => worker.status().errorsInARow > 0).length,
  )
  metrics.gauge('release_queue_length', 'Manifests and uploads noted to be looked at', () =>
    named('release'),
  )
  metrics.gauge('block_unreferenced', 'Blocks that nothing refers to, in their grace', () =>
    named('block-resync'),
  )
  metrics.gauge(
    'table_sync_incomplete',
    '1 while some owner could not be compared with when it was last its turn',
    () => workers.find((one) => one.status().name === 'table-sync')?.status().remarks.length ?? 0,
  )
}
