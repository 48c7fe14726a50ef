/** A whole store in one process: rows in memory, blocks on a disk in memory, nothing mocked. */

import { hexOf } from '../../src/base/bytes.ts'
import type { Clock } from '../../src/base/clock.ts'
import type { Disk } from '../../src/base/disk.ts'
import { nodeId } from '../../src/base/ids.ts'
import { BLOCK_GRACE_MS, MIB } from '../../src/base/limits.ts'
import { silentLog } from '../../src/base/log.ts'
import { Metrics } from '../../src/base/metrics.ts'
import { HybridClock } from '../../src/base/timestamp.ts'
import { openBlocks } from '../../src/block/open.ts'
import { BlockSlab } from '../../src/block/slab.ts'
import { loneCluster } from '../../src/cluster/lone.ts'
import { openMemoryDb } from '../../src/db/open.ts'
import { readCounts } from '../../src/model/counter.table.ts'
import { Holds } from '../../src/model/holds.ts'
import { RunningOperations } from '../../src/model/operations.ts'
import { ownSealer } from '../../src/store/cluster/sealers.ts'
import { CopyPlaces } from '../../src/store/object/copy-places.ts'
import { QuotaKeeper } from '../../src/store/bucket/quota.ts'
import { buildTables } from '../../src/model/tables.ts'
import { LoopbackNetwork } from '../../src/net/loopback.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { inlineCompute } from '../../src/node/system/compute.ts'
import { Caches } from '../../src/store/caches.ts'
import { shareCopies } from '../../src/store/cluster/copies.ts'
import type { Store } from '../../src/store/store.ts'
import { hybridStart, openTables } from '../../src/table/table.ts'
import { CrashDisk } from '../block/disk.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'

export interface OpenStore {
  readonly store: Store
  readonly metrics: Metrics
  readonly clock: Clock
  /** What nothing but the end of the process could answer. */
  readonly faults: readonly Error[]
  close(): Promise<void>
}

const self = nodeId('5a'.repeat(32))

/** @param options.shardCount of new buckets */
export async function openTestStore(
  options: { readonly shardCount?: number; readonly seed?: number } = {},
): Promise<OpenStore> {
  const clock = systemClock
  const rng = new SeededRng(options.seed ?? 1)
  const metrics = new Metrics()
  const faults: Error[] = []
  const onFatal = (fault: Error): void => void faults.push(fault)
  const db = openMemoryDb({ clock, onFatal })
  const blocks = await openBlocks({
    ...{ db, clock, metrics, onFatal },
    disk: new CrashDisk() as Disk,
    log: silentLog,
    nodeId: self,
    folders: ['/drive'],
    isReferenced: () => Promise.resolve(true),
    incarnation: () => 'first',
    slab: new BlockSlab(31 * MIB),
    segmentBytes: 16 * MIB,
    stepBytes: 4 * MIB,
  })
  const caches = new Caches({
    clock,
    settled: () => db.write(() => undefined),
    isAlone: () => true,
  })
  const model = buildTables({ blocks, listener: caches })
  const network = new LoopbackNetwork(self)
  const tables = openTables({
    ...{ db, clock, rng, metrics },
    log: silentLog,
    hybrid: new HybridClock(clock, hybridStart(db)),
    network,
    cluster: loneCluster(self),
    tables: model.all,
  })
  await tables.start()
  await blocks.start()
  const store: Store = {
    ...{ tables, model, blocks, clock, rng, caches },
    compute: inlineCompute,
    log: silentLog,
    operations: new RunningOperations({ network, clock, boot: hexOf(rng.bytes(8)) }),
    holds: new Holds({ network, clock, graceMs: BLOCK_GRACE_MS }),
    announce: shareCopies({ network, clock, caches }),
    sealers: ownSealer(rng.bytes(32), rng),
    quotas: new QuotaKeeper(clock),
    copyPlaces: new CopyPlaces(clock, blocks.slab),
    counts: (partitionKey) => readCounts(db, partitionKey),
    ...(options.shardCount === undefined ? {} : { shardCount: options.shardCount }),
  }
  return {
    ...{ store, metrics, clock, faults },
    close: async () => {
      await blocks.stop()
      await tables.stop()
      await db.close()
    },
  }
}
