/** Tables on three nodes in virtual time, every one of them an owner. */

import assert from 'node:assert/strict'
import { nodeId, type NodeId } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import { HybridClock } from '../../src/base/timestamp.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { fixedCluster } from '../../src/cluster/lone.ts'
import type { Db } from '../../src/db/db.ts'
import { openMemoryDb } from '../../src/db/open.ts'
import { SimulatedNetwork, type Directory } from '../../src/simulation/network.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { Life, World } from '../../src/simulation/world.ts'
import type { Rules } from '../../src/table/rules.ts'
import type { AnyTable } from '../../src/table/schema.ts'
import { hybridStart, openTables, type OpenTables } from '../../src/table/table.ts'

export const ids = ['a', 'b', 'c'].map((digit) => nodeId(digit.repeat(64)))
const fair = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 1, usualMs: 1 }

export interface Three {
  readonly world: World
  readonly tables: readonly OpenTables[]
  readonly dbs: readonly Db[]
  readonly networks: readonly SimulatedNetwork[]
  /** How long the next sync of each database takes. */
  readonly syncMs: number[]
  /** Lets time pass until `work` has ended. */
  done<Value>(work: Promise<Value> | Value): Promise<Value>
  /** Nothing passes between node `index` and the others. */
  part(index: number): void
  heal(): void
}

/** Three owners of everything. */
export function threeOwners(
  schemas: readonly AnyTable[],
  /** The owners as each node has them. */
  listOf: (self: NodeId) => readonly NodeId[] = () => ids,
  /** Those of an older layout, which is the one that is read; none when absent. */
  older?: readonly NodeId[],
  /** Instead of all these. */
  clusterOf?: (self: NodeId) => Cluster,
): Promise<Three> {
  const lists = older ? [older] : []
  return threeNodes({
    schemas,
    clusterOf: clusterOf ?? ((self) => fixedCluster(self, [...lists, listOf(self)], 1)),
  })
}

/** Tables on three nodes, with messages as a real network would take them. */
export async function threeNodes({
  schemas,
  clusterOf,
  rules = {},
}: {
  readonly schemas: readonly AnyTable[]
  readonly clusterOf: (self: NodeId) => Cluster
  /** Instead of those of the product. */
  readonly rules?: Partial<Rules>
}): Promise<Three> {
  const world = new World(new SeededRng(1), fair, true)
  const networks = new Map<NodeId, SimulatedNetwork>()
  const directory: Directory = { find: (node) => networks.get(node), all: () => ids }
  const dbs: Db[] = []
  const syncMs = ids.map(() => 0)
  const tables = ids.map((self, index) => {
    const life = new Life(world, 0)
    const network = new SimulatedNetwork({ world, life, self, directory })
    networks.set(self, network)
    const db = openMemoryDb({
      ...{ clock: life, onFatal: (fault) => assert.fail(fault) },
      syncMs: () => syncMs[index]!,
    })
    dbs.push(db)
    return openTables({
      ...{ db, network, clock: life, log: silentLog },
      hybrid: new HybridClock(life, hybridStart(db)),
      rng: new SeededRng(index + 1),
      ...{ cluster: clusterOf(self), tables: schemas, testing: { rules } },
    })
  })
  const done = async <Value>(work: Promise<Value> | Value): Promise<Value> => {
    let isOver = false
    const ended = Promise.resolve(work).finally(() => (isOver = true))
    ended.catch(() => undefined)
    // What waits for no event ends by itself.
    await new Promise((resolve) => setImmediate(resolve))
    await world.run(120_000, () => isOver)
    assert.ok(isOver, 'it ends')
    return ended
  }
  for (const each of tables) await done(each.start())
  return {
    ...{ world, tables, dbs, done, syncMs, networks: ids.map((id) => networks.get(id)!) },
    part: (index) => {
      for (const other of ids) {
        world.cuts.add(`${ids[index]} ${other}`)
        world.cuts.add(`${other} ${ids[index]}`)
      }
    },
    heal: () => world.cuts.clear(),
  }
}
