/** Everything by which the rows of one node come to be those of the other owners. */

import { hexOf } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { HybridClock } from '../../base/timestamp.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { Worker } from '../../worker/worker.ts'
import type { Custody } from '../custody.ts'
import type { LocalTable } from '../owner/local.ts'
import type { LocalMerged } from '../owner/merged.ts'
import type { Rules } from '../rules.ts'
import { CollectWorker, type CollectWish } from './collect.ts'
import { CollectedRows } from './collected.ts'
import { Comparer, type CompareWish, type RowComparison } from './compare.ts'
import { emptyPartitionKey, emptyPartitions, holdsAny } from './empty.ts'
import { GatherWorker, type GatherOptions } from './gather.ts'
import { Puller, type PullerOptions } from './puller.ts'
import { SyncSource } from './source.ts'
import { SyncWorker } from './worker.ts'

export type GatherWish = Pick<
  GatherOptions,
  'log' | 'intervalMs' | 'withBlocks' | 'progressed' | 'isConfirmed'
>

export interface DiscardWish {
  readonly partitionKey: string
  /** Asked only where something lies here. */
  readonly isOver: () => Promise<boolean>
  readonly signal: AbortSignal
}

export interface NodeSyncOptions extends PullerOptions {
  readonly clock: Clock
  readonly cluster: Cluster
  readonly custody: Custody
  readonly hybrid: HybridClock
  readonly rules: Rules
  readonly registers: ReadonlyMap<string, LocalTable>
  readonly mergedTables: ReadonlyMap<string, LocalMerged>
  /** Ends with the node. */
  readonly signal: AbortSignal
}

export class NodeSync {
  readonly #options: NodeSyncOptions
  readonly #puller: Puller

  /** Answers the other owners from now on. */
  constructor(options: NodeSyncOptions) {
    this.#options = options
    this.#puller = new Puller(options)
    new SyncSource(options).listen(options.rpc)
    new CollectedRows(options).listen(options.rpc)
  }

  /** See `OpenTables.roots`. */
  async roots(signal: AbortSignal): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> {
    const { tables, digests } = this.#options
    const roots = new Map<string, ReadonlyMap<number, string>>()
    for (const name of tables.keys()) {
      const own = (await digests.of(name, signal)).roots()
      const texts = [...own].map(([partition, root]) => [partition, hexOf(root)] as const)
      roots.set(name, new Map(texts))
    }
    return roots
  }

  /** See `OpenTables.compare`. */
  compare(wish: CompareWish): Promise<RowComparison> {
    return new Comparer(this.#options).compare(wish)
  }

  /** See `OpenTables.syncWorker`. */
  worker(options: { readonly log: Log; readonly intervalMs: number }): Worker {
    return new SyncWorker({
      peers: () => this.#peers(),
      pull: (peer, signal) => this.#puller.pull(peer, signal),
      ...options,
    })
  }

  /** See `OpenTables.gatherWorker`. */
  gatherer(wish: GatherWish): Worker {
    const { cluster, custody, rules, db, floors, registers, mergedTables, owner } = this.#options
    const forget = owner.forget.bind(owner)
    const emptying = { db, registers, merged: mergedTables, forget }
    return new GatherWorker({
      empty: async (partitions, signal) => {
        await emptyPartitions(emptying, partitions, signal)
        await floors.clear(partitions)
      },
      pull: (peer, signal, wish) => this.#puller.pull(peer, signal, wish),
      ...{ cluster, custody, rules, ...wish },
    })
  }

  /** See `OpenTables.collectWorker`. */
  collector(wish: CollectWish): CollectWorker {
    return new CollectWorker({ ...this.#options, ...wish })
  }

  /** See `OpenTables.discard`. */
  async discard(wish: DiscardWish, local: LocalTable): Promise<boolean> {
    const { db, replication, owner } = this.#options
    const { prefix } = replication.placeOf(local.table, wish.partitionKey)
    const rows = { local, prefix }
    if (!(await holdsAny(db, rows)) || !(await wish.isOver())) return false
    const forget = (unit: string): void => owner.forget(local, unit)
    await emptyPartitionKey(db, rows, { forget, signal: wish.signal })
    return true
  }

  /** A node without a layout has nobody to compare with. */
  #peers(): readonly NodeId[] {
    const { cluster, replication } = this.#options
    const hasOwners = cluster.history() !== undefined || cluster.epoch().layout > 0
    return hasOwners ? replication.peers() : []
  }
}
