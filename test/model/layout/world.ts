/** Nodes that follow one layout register, on virtual time: the real parts, over memory. */

import type { NodeId } from '../../../src/base/ids.ts'
import { silentLog } from '../../../src/base/log.ts'
import { HybridClock } from '../../../src/base/timestamp.ts'
import { epochOf, type LayoutHistory, type Staged } from '../../../src/cluster/layout/history.ts'
import { ackedVersion } from '../../../src/cluster/layout/trackers.ts'
import { openMembers, type Members, type StoredMembers } from '../../../src/cluster/members.ts'
import { MemoryStore } from '../../../src/db/memory.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { FirstLayouts } from '../../../src/model/layout/first.ts'
import { LayoutFollower } from '../../../src/model/layout/follower.ts'
import { LayoutPeers } from '../../../src/model/layout/peers.ts'
import { buildLayoutTable, LAYOUT_KEY } from '../../../src/model/layout.table.ts'
import { SimulatedNetwork } from '../../../src/simulation/network.ts'
import { SeededRng } from '../../../src/simulation/seeded-rng.ts'
import { Life, World, type Weather } from '../../../src/simulation/world.ts'
import { registerTree, type AnyTable } from '../../../src/table/schema.ts'
import { hybridStart, openTables, type OpenTables } from '../../../src/table/table.ts'
import { WorkerRunner } from '../../../src/worker/runner.ts'
import { storing, wishes, nodeOf } from '../../cluster/layout/members.ts'

export const calm: Weather = {
  ...{ lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 0, usualMs: 2 },
}
export const rough: Weather = {
  ...{ lossChance: 0.05, copyChance: 0.05, slowChance: 0.1, slowMs: 400, usualMs: 5 },
}

interface Present {
  readonly life: Life
  readonly members: Members
  readonly tables: OpenTables
  readonly follower: LayoutFollower
  readonly firsts: FirstLayouts
  readonly peers: LayoutPeers
  readonly network: SimulatedNetwork
}

export class FollowingNode {
  readonly id: NodeId
  readonly #world: LayoutWorld
  readonly #store = new MemoryStore()
  #state: StoredMembers | undefined
  #present: Present | undefined
  lives = 0
  /** Rows beside the layout's. */
  hasRows = false
  isLone = false
  incarnation = 'i1'
  /** Its tables answer nothing: it may not vote. */
  isMute = false
  isSyncing = true
  /** What it learns never becomes durable. */
  isStuck = false

  constructor(world: LayoutWorld, index: number) {
    this.#world = world
    this.id = nodeOf(index)
  }

  get now(): Present {
    return this.#present!
  }

  get isUp(): boolean {
    return this.#present !== undefined
  }

  get network(): SimulatedNetwork | undefined {
    return this.#present?.network
  }

  history(): LayoutHistory | undefined {
    return this.#present?.members.history()
  }

  start(): void {
    const { world, nodes, rng } = this.#world
    this.lives += 1
    const life = new Life(world, 0)
    const store = this.#store
    const db = openMemoryDb({
      ...{ store, clock: life, syncMs: () => 1 },
      onFatal: (fault) => {
        throw fault
      },
    })
    const network = new SimulatedNetwork({
      ...{ world, life, self: this.id },
      directory: {
        find: (node) => nodes.find(({ id }) => id === node)?.network,
        all: () => nodes.map(({ id }) => id),
      },
    })
    const layout = buildLayoutTable(() => follower.touched())
    const place = `100${LAYOUT_KEY}\0${LAYOUT_KEY}`
    const members = openMembers({
      ...{ self: this.id, stored: this.#state, lone: this.isLone, clusterId: `own ${this.id}` },
      isEmpty: () => !this.hasRows && db.get(registerTree(layout), place) === undefined,
      persist: (state) =>
        new Promise((resolve) => {
          life.after(1 + rng.below(40), () => {
            if (this.isStuck) return
            this.#state = JSON.parse(JSON.stringify(state)) as StoredMembers
            resolve()
          })
        }),
    })
    const tables = openTables({
      ...{ db, network, clock: life, log: silentLog, cluster: members },
      hybrid: new HybridClock(life, hybridStart(db)),
      incarnation: this.incarnation,
      rng: new SeededRng(rng.next()),
      tables: [layout] as unknown as readonly AnyTable[],
    })
    const peers = new LayoutPeers({ members, network, log: silentLog })
    const firsts = new FirstLayouts({ members, peers, network, clock: life, rng })
    const follower = new LayoutFollower({
      ...{ members, tables, peers, firsts, network, clock: life, log: silentLog },
      model: { layout },
      incarnation: () => this.incarnation,
      isRecovering: () => this.isMute,
      syncedTo: () => {
        const history = members.history()
        return history !== undefined && this.isSyncing ? ackedVersion(history) : 0
      },
    })
    this.#present = { life, members, tables, follower, firsts, peers, network }
    const runner = new WorkerRunner(follower, { clock: life, log: silentLog })
    follower.onWake(() => runner.wake())
    if (!this.isMute) tables.start().catch(() => undefined)
    runner.start()
  }

  crash(): void {
    this.#present?.life.end()
    this.#present = undefined
    this.#store.crash('lose')
  }

  /** Its database is new; what the state file says stays. */
  wipe(incarnation: string): void {
    this.crash()
    this.incarnation = incarnation
    this.isMute = true
  }

  /** Stages and applies as an operator would. */
  async propose(count: number, factor: number): Promise<void> {
    const { members, firsts } = this.now
    members.setDraft(storingNodes(count))
    await firsts.propose({ factor, deadlineMs: 5_000 })
  }
}

export function storingNodes(count: number): Staged {
  return wishes(
    ...Array.from({ length: count }, (_, index) => [nodeOf(index), storing(`z${index}`)] as const),
  )
}

export class LayoutWorld {
  readonly rng: SeededRng
  readonly world: World
  readonly nodes: readonly FollowingNode[]

  constructor(seed: number, count: number, weather: Weather = calm) {
    this.rng = new SeededRng(seed)
    this.world = new World(this.rng, weather, true)
    this.nodes = Array.from({ length: count }, (_, index) => new FollowingNode(this, index))
  }

  start(): void {
    for (const node of this.nodes) node.start()
  }

  /** Lets time pass until `work` is over; throws what it throws. */
  async over<T>(work: Promise<T>, ms = 60_000): Promise<T> {
    const state = { isOver: false }
    const end = (): void => {
      state.isOver = true
    }
    work.then(end, end)
    await this.#run(ms, () => state.isOver)
    if (!state.isOver) throw new Error('It took too long')
    return work
  }

  /** @param look called after everything that happens */
  pass(ms: number, look: () => void = () => undefined): Promise<void> {
    return this.#run(ms, () => {
      look()
      return false
    })
  }

  /** Lets time pass until it holds. */
  async until(holds: () => boolean, ms = 60_000): Promise<void> {
    await this.#run(ms, holds)
    if (!holds()) throw new Error(`It did not come to pass: ${this.describe()}`)
  }

  /** As `World.run`, though nothing may be left to happen meanwhile. */
  async #run(ms: number, isOver: () => boolean): Promise<void> {
    this.world.after(ms, () => undefined)
    await new Promise((resolve) => process.nextTick(resolve))
    await this.world.run(ms, isOver)
  }

  /** Whether these know one and the same, and live in its epoch. */
  agree(nodes: readonly FollowingNode[] = this.nodes): boolean {
    const [first] = nodes
    const known = first?.history()
    if (known === undefined) return false
    return nodes.every((node) => {
      const other = node.history()
      return (
        other?.clusterId === known.clusterId &&
        other.revision === known.revision &&
        JSON.stringify(epochOf(other)) === JSON.stringify(epochOf(known))
      )
    })
  }

  describe(): string {
    return this.nodes
      .map((node) => {
        const history = node.history()
        if (history === undefined) return 'none'
        const versions = history.active.map(({ version }) => version).join('+')
        return `${history.clusterId.slice(0, 4)} ${versions} read ${history.readVersion} revision ${history.revision}`
      })
      .join('; ')
  }
}
