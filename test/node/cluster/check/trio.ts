/** Three whole nodes below their doors, on virtual time, whose workers do not mend anything. */

import type { RepairCheckAnswer } from '../../../../src/api/admin/answers.ts'
import type { NodeId } from '../../../../src/base/ids.ts'
import { silentLog } from '../../../../src/base/log.ts'
import { Metrics } from '../../../../src/base/metrics.ts'
import { BlockSlab } from '../../../../src/block/slab.ts'
import { fixedCluster } from '../../../../src/cluster/lone.ts'
import { newIdentity, nodeIdOf, writeIdentity } from '../../../../src/db/identity.ts'
import { MemoryStore, openMemoryEngine } from '../../../../src/db/memory.ts'
import { Closers } from '../../../../src/node/closers.ts'
import { openProduct, type Product } from '../../../../src/node/product.ts'
import { inlineCompute } from '../../../../src/node/system/compute.ts'
import { SimulatedDisk } from '../../../../src/simulation/disk.ts'
import { SimulatedNetwork } from '../../../../src/simulation/network.ts'
import { SeededRng } from '../../../../src/simulation/seeded-rng.ts'
import { Life, World } from '../../../../src/simulation/world.ts'

const NEVER_MS = 1e9
const SLOT_BYTES = 8192
const BLOCK_BYTES = 4096
export const GRACE_MS = 4_000
const WAIT_MS_MAX = 600_000

export interface TrioNode {
  readonly id: NodeId
  readonly product: Product
  readonly disk: SimulatedDisk
}

interface Home {
  readonly id: NodeId
  readonly rows: MemoryStore
  readonly disk: SimulatedDisk
  life: Life
  network: SimulatedNetwork | undefined
  product: Product | undefined
  closers: Closers
  isDatabaseThere: boolean
}

export class Trio {
  readonly world: World
  readonly #homes: Home[] = []

  private constructor(world: World) {
    this.world = world
  }

  static async open(seed: number): Promise<Trio> {
    const calm = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 0, usualMs: 1 }
    const trio = new Trio(new World(new SeededRng(seed), calm, true))
    for (let index = 0; index < 3; index += 1) await trio.#make()
    for (let index = 0; index < 3; index += 1) await trio.start(index)
    return trio
  }

  node(index: number): TrioNode {
    const { id, disk, product } = this.#homes[index]!
    if (product === undefined) throw new Error(`node ${index} is down`)
    return { id, disk, product }
  }

  /** Lets virtual time pass until the work is done. */
  async run<Result>(work: Promise<Result>): Promise<Result> {
    let isOver = false
    const over = work.finally(() => {
      isOver = true
    })
    over.catch(() => undefined)
    await this.world.run(WAIT_MS_MAX, () => isOver)
    if (!isOver) throw new Error('it does not end')
    return over
  }

  async pass(ms: number): Promise<void> {
    await this.world.run(ms, () => false)
  }

  check(index: number, reads = false): Promise<RepairCheckAnswer> {
    const { signal } = new AbortController()
    return this.run(this.node(index).product.clusterCheck.run({ reads }, () => undefined, signal))
  }

  /** Nothing comes from or goes to the node. */
  cut(index: number): void {
    const { id } = this.#homes[index]!
    for (const other of this.#homes) {
      if (other.id === id) continue
      this.world.cuts.add(`${id} ${other.id}`).add(`${other.id} ${id}`)
    }
  }

  /** Ends its life as a crash does; what was stable stays. */
  crash(index: number): void {
    const home = this.#homes[index]!
    home.life.end()
    home.rows.crash('keep')
    home.disk.kill()
    home.product = undefined
    home.network = undefined
  }

  async start(index: number): Promise<void> {
    const { world } = this
    const home = this.#homes[index]!
    home.life = new Life(world, 0)
    home.closers = new Closers()
    const { life } = home
    const network = new SimulatedNetwork({
      ...{ world, life, self: home.id },
      directory: {
        find: (id) => this.#homes.find((other) => other.id === id)?.network,
        all: () => this.#homes.map(({ id }) => id),
      },
    })
    home.network = network
    const owners = this.#homes.map(({ id }) => id)
    home.product = await this.run(
      openProduct({
        ground: {
          ...{ clock: life, log: silentLog, network: () => network },
          disk: home.disk.of(life, () => 0.2),
          rng: new SeededRng(world.rng.next()),
          compute: () => ({ ...inlineCompute, stop: () => Promise.resolve() }),
          simulated: {
            engineHome: {
              isPresent: () => Promise.resolve(home.isDatabaseThere),
              open: () => {
                home.isDatabaseThere = true
                return Promise.resolve(openMemoryEngine(home.rows, life, () => 0.2))
              },
              repair: () => Promise.resolve(),
            },
            cluster: (self) => fixedCluster(self, [owners], 1),
            blocks: {
              slab: new BlockSlab(32 * SLOT_BYTES, BLOCK_BYTES),
              ...{ segmentBytes: 128 * 1024, stepBytes: 32 * 1024 },
            },
            store: { inlineSizeBytesMax: 512, partSizeBytesMin: 1, shardCount: 1 },
            tables: { rules: { operationSpanMicros: 3_000_000 } },
            ...{ syncIntervalMs: NEVER_MS, gatherIntervalMs: NEVER_MS },
            ...{ collectIntervalMs: NEVER_MS, fetchIntervalMs: NEVER_MS, spanMicros: 3_000_000 },
          },
        },
        options: { graceMs: GRACE_MS },
        folders: { metadata: '/meta', blocks: '/blocks', data: '/' },
        metrics: new Metrics(),
        closers: home.closers,
      }),
    )
  }

  async #make(): Promise<void> {
    const rng = new SeededRng(this.world.rng.next())
    const disk = new SimulatedDisk(rng)
    const life = new Life(this.world, 0)
    const identity = newIdentity(rng)
    await this.run(
      writeIdentity(
        disk.of(life, () => 0),
        '/meta/identity',
        identity,
      ),
    )
    const key = new Uint8Array(32).fill(7)
    await this.run(disk.of(life, () => 0).replace('/meta/sealing-key', key))
    this.#homes.push({
      ...{ id: nodeIdOf(identity), rows: new MemoryStore(), disk, life },
      ...{ network: undefined, product: undefined },
      ...{ closers: new Closers(), isDatabaseThere: false },
    })
  }
}
