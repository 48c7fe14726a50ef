/** One node of the simulation: the product's tables on the memory engine, life after life. */

import type { NodeId } from '../../src/base/ids.ts'
import { nodeId } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import { HybridClock } from '../../src/base/timestamp.ts'
import { fixedCluster } from '../../src/cluster/lone.ts'
import type { Db } from '../../src/db/db.ts'
import { MemoryStore } from '../../src/db/memory.ts'
import { openMemoryDb } from '../../src/db/open.ts'
import type { AnyTable } from '../../src/table/schema.ts'
import type { Rules } from '../../src/table/rules.ts'
import { hybridStart, openTables, type OpenTables } from '../../src/table/table.ts'
import { SeededRng } from '../support/seeded-rng.ts'
import { Life, SimulatedNetwork, type Directory, type World } from './world.ts'

export interface NodeOptions {
  readonly world: World
  readonly index: number
  readonly owners: readonly NodeId[]
  readonly directory: Directory
  readonly tables: readonly AnyTable[]
  readonly rules: Partial<Rules>
  readonly syncMs: () => number
  readonly offsetMicros: () => number
  /** Begins what runs in the background of each life. */
  readonly began: (node: SimulatedNode) => void
}

/** What ends with a life. */
export interface Present {
  readonly life: Life
  readonly number: number
  readonly db: Db
  readonly tables: OpenTables
  readonly network: SimulatedNetwork
}

const PROMISE_AGE_MS = 250

export class SimulatedNode {
  readonly id: NodeId
  readonly index: number
  readonly #options: NodeOptions
  readonly #store = new MemoryStore()
  #lives = 0
  #present: Present | undefined

  constructor(options: NodeOptions) {
    this.#options = options
    this.index = options.index
    this.id = simulatedId(options.index)
  }

  /** Undefined while the node is down. */
  get present(): Present | undefined {
    return this.#present
  }

  start(): void {
    const { world, owners, directory, tables, rules } = this.#options
    this.#lives += 1
    const life = new Life(world, this.#options.offsetMicros())
    const db = openMemoryDb({
      store: this.#store,
      clock: life,
      syncMs: this.#options.syncMs,
      onFatal: (fault) => {
        throw fault
      },
    })
    const network = new SimulatedNetwork({ world, life, self: this.id, directory })
    const cluster = fixedCluster(this.id, [owners])
    const opened = openTables({
      db,
      clock: life,
      hybrid: new HybridClock(life, hybridStart(db)),
      rng: new SeededRng(world.rng.next()),
      network,
      cluster,
      log: silentLog,
      tables,
      testing: { rules, promiseAgeMs: PROMISE_AGE_MS, promisesOpenMax: 20 },
    })
    this.#present = { life, number: this.#lives, db, tables: opened, network }
    opened.start().then(
      () => this.#options.began(this),
      () => undefined,
    )
  }

  /** Loses what is in memory and what was not synced; the group being synced either way. */
  crash(inFlight: 'keep' | 'lose'): void {
    this.#present?.life.end()
    this.#present = undefined
    this.#store.crash(inFlight)
  }

  /** Stops as on SIGTERM, then ends its life. */
  async stop(): Promise<void> {
    const present = this.#present
    if (present === undefined) return
    await present.tables.stop()
    if (this.#present === present) this.crash('keep')
  }
}

export function simulatedId(index: number): NodeId {
  return nodeId(`${index + 10}`.repeat(32))
}
