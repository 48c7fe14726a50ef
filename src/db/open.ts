/** How a database is opened: in memory, on disk without a seal, or a node's own with everything. */

import type { Clock } from '../base/clock.ts'
import type { Db } from './db.ts'
import type { DbFault } from './errors.ts'
import { GroupCommitDb } from './group-commit.ts'
import { openLevelEngine } from './level.ts'
import { MemoryStore, openMemoryEngine } from './memory.ts'

export interface OpenOptions {
  readonly clock: Clock
  /** Told once, when a write failed: nothing is acknowledged any more, the process can only end. */
  readonly onFatal: (fault: DbFault) => void
}

/** Rows in memory with the contract of those on disk, for simulations and tests. */
export function openMemoryDb(
  options: OpenOptions & {
    /** What outlives a crash; a new one when absent. */
    readonly store?: MemoryStore
    /** How long the next sync takes by the clock; when absent it ends with the next turn. */
    readonly syncMs?: () => number
  },
): Db {
  const store = options.store ?? new MemoryStore()
  const engine = openMemoryEngine(store, options.clock, options.syncMs)
  return new GroupCommitDb({ engine, clock: options.clock, onFatal: options.onFatal })
}

/** Rows in a LevelDB folder, made when absent, without a seal: for tests and loaders. */
export async function openLevelDb(options: OpenOptions & { readonly folder: string }): Promise<Db> {
  const engine = await openLevelEngine(options.folder, { create: true })
  return new GroupCommitDb({ engine, clock: options.clock, onFatal: options.onFatal })
}
