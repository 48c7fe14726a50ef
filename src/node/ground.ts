/** What a node stands on: the real clock, chance, disk, network and threads, or a simulation's. */

import type { KeyObject } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { Compute } from '../base/compute.ts'
import type { Disk } from '../base/disk.ts'
import type { NodeId } from '../base/ids.ts'
import type { Links } from '../base/links.ts'
import type { Log } from '../base/log.ts'
import type { Network } from '../base/network.ts'
import type { Rng } from '../base/rng.ts'
import type { HybridClock } from '../base/timestamp.ts'
import type { OpenBlocksOptions } from '../block/open.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { EngineHome } from '../db/open.ts'
import { LoopbackNetwork } from '../net/loopback.ts'
import type { ModelTables } from '../model/tables.ts'
import type { Store } from '../store/store.ts'
import type { OpenTablesOptions } from '../table/table.ts'
import { systemClock } from './system/clock.ts'
import { threadCompute } from './system/compute.ts'
import { systemDisk } from './system/disk.ts'
import { systemRng } from './system/rng.ts'
import { wsLinks } from './system/ws-links.ts'

/** Ends before the node that speaks through it: others are told and answered nothing from then on. */
export interface ClosableNetwork extends Network {
  close(): Promise<void>
}

export interface StoppableCompute extends Compute {
  stop(): Promise<void>
}

export interface Ground {
  readonly clock: Clock
  readonly disk: Disk
  readonly rng: Rng
  readonly log: Log
  /** Of a node without a mesh. */
  readonly network: (self: NodeId) => ClosableNetwork
  /** Connections to other nodes, from which a mesh is made; a simulation has its own network. */
  readonly links?: (nodeKey: KeyObject) => Links
  /** Work on other threads, which share the memory of the block slab. */
  readonly compute: (memory: SharedArrayBuffer) => StoppableCompute
  /** Of a simulation: rows elsewhere than in LevelDB, and everything smaller and sooner. */
  readonly simulated?: {
    readonly engineHome: EngineHome
    /** Owners that never change; a layout as in a real node when absent. */
    readonly cluster?: (self: NodeId) => Cluster
    /** The tables of the product, or others in their place. */
    readonly model?: (tables: ModelTables) => ModelTables
    /** The clock that orders, begun at that time. */
    readonly hybrid?: (clock: Clock, startMicros: number) => HybridClock
    readonly blocks: Pick<OpenBlocksOptions, 'slab' | 'segmentBytes' | 'stepBytes'> &
      Partial<Pick<OpenBlocksOptions, 'isReferenced'>>
    readonly store: Pick<Store, 'inlineSizeBytesMax' | 'partSizeBytesMin' | 'shardCount'>
    readonly tables: OpenTablesOptions['testing']
    /** Between two comparisons with the other owners. */
    readonly syncIntervalMs: number
    /** Between two looks at what a change of layout still wants. */
    readonly gatherIntervalMs: number
    /** Between two walks for tombstones. */
    readonly collectIntervalMs: number
    /** Between two looks for blocks that should be here. */
    readonly fetchIntervalMs: number
    /** How long an operation may name what it has written. */
    readonly spanMicros: number
  }
}

/** The machine itself. */
export function systemGround(log: Log): Ground {
  return {
    ...{ clock: systemClock, disk: systemDisk, rng: systemRng(), log },
    network: (self) => new LoopbackNetwork(self),
    links: (nodeKey) => wsLinks({ nodeKey }),
    compute: threadCompute,
  }
}
