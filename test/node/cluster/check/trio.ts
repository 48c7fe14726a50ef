/** Three whole nodes below their doors, on virtual time, whose workers do not mend anything. */

import type { RepairCheckAnswer } from '../../../../src/api/admin/answers.ts'
import type { NodeId } from '../../../../src/base/ids.ts'
import type { ClosableNetwork } from '../../../../src/node/ground.ts'
import { silentLog } from '../../../../src/base/log.ts'
import { Metrics } from '../../../../src/base/metrics.ts'
import { BlockSlab } from '../../../../src/block/slab.ts'
import { fixedCluster } from '../../../../src/cluster/lone.ts'
import { newIdentity, nodeIdOf, writeIdentity } from '../../../../src/db/identity.ts'
import { MemoryStore, openMemoryEngine } from '../../../../src/db/memory.ts'
import { Endpoints } from '../../../../src/net/endpoints.ts'
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
  endpoints: Endpoints
}

export class Trio {
  readonly world: World
  readonly #homes: Home[] = []
  readonly #isAlone: boolean
  /** Told of every message that comes to a node, before it is answered. */
  came: (to: NodeId, endpoint: string, message: unknown) => void = () => undefined

  /** What a message waits for before it is answered, also one of a node to itself. */
  held: (to: NodeId, endpoint: string, message: unknown) => Promise<void> | undefined = () =>
    undefined

  private constructor(world: World, isAlone: boolean) {
    this.world = world
    this.#isAlone = isAlone
  }

  /** @param options.isAlone each node follows a layout of its own, that of a lone node */
  static async open(seed: number, options: { readonly isAlone?: boolean } = {}): Promise<Trio> {
    const calm = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 0, usualMs: 1 }
    const trio = new Trio(new World(new SeededRng(seed), calm, true), options.isAlone === true)
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
          ...{ clock: life, log: silentLog, network: () => this.#tapped(home, network) },
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
              repair: () => Promise.reject(new Error('nothing is to be repaired')),
            },
            ...(this.#isAlone
              ? {}
              : { cluster: (self: NodeId) => fixedCluster(self, [owners], 1) }),
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

  /** Gives a message to a node's handler as another node's mesh would; its answer or its error. */
  async deliver(
    index: number,
    endpoint: string,
    message: unknown,
    bytes?: Uint8Array,
  ): Promise<unknown> {
    const { endpoints } = this.#homes[index]!
    const from = this.#homes[(index + 1) % 3]!.id
    if (endpoints.handlers.has(endpoint)) return endpoints.answer(from, endpoint, message)
    const parcel = { message, bytes }
    return endpoints.deliver(from, endpoint, parcel, new Uint8Array(BLOCK_BYTES))
  }

  endpoints(index: number): { readonly calls: string[]; readonly parcels: string[] } {
    const { handlers, receivers } = this.#homes[index]!.endpoints
    return { calls: [...handlers.keys()], parcels: [...receivers.keys()] }
  }

  #tapped(home: Home, network: SimulatedNetwork): ClosableNetwork {
    home.endpoints = new Endpoints()
    return {
      self: network.self,
      call: (to, endpoint, message, options) => network.call(to, endpoint, message, options),
      handle: (endpoint, handler) => {
        home.endpoints.handle(endpoint, handler)
        network.handle(endpoint, (from, message) => {
          if (from !== home.id) this.came(home.id, endpoint, message)
          const held = this.held(home.id, endpoint, message)
          return held === undefined
            ? handler(from, message)
            : held.then(() => handler(from, message))
        })
      },
      transfer: (to, endpoint, parcel, options) => network.transfer(to, endpoint, parcel, options),
      receive: (endpoint, handler) => {
        home.endpoints.receive(endpoint, handler)
        network.receive(endpoint, handler)
      },
      peers: () => network.peers(),
      close: () => network.close(),
    }
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
      ...{
        endpoints: new Endpoints(),
      },
    })
  }
}
