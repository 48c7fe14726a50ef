/** One run from one seed: nodes, weather, faults, clients, and the verdict on what they saw. */

import type { BucketId, NodeId } from '../base/ids.ts'
import { fixedCluster } from '../cluster/lone.ts'
import { createBucket, findBucketByName } from '../store/bucket/bucket.ts'
import type { Store } from '../store/store.ts'
import { Client, CLIENT_COUNT, KEYS, type Run } from './clients.ts'
import { readVersion } from './contents.ts'
import { apartMicros, drawRates, keepsTime } from './drift.ts'
import { depart, drawForecast, drawWeather, strike, type Faults, type Forecast } from './faults.ts'
import { historyOf, initialState } from './history.ts'
import { foundingOf, isStormy, Operator, type Founding } from './layouts.ts'
import { linearizationFault } from './linearizability.ts'
import { GRACE_MS, SimulatedNode, SPAN_MICROS, SYNC_INTERVAL_MS, type NodeParts } from './node.ts'
import { drawStorm, type Conditions, type Plant } from './plant.ts'
import { stockFaults } from './properties/stock.ts'
import { witnessOf } from './watches.ts'
import { Races } from './races.ts'
import { SeededRng } from './seeded-rng.ts'
import { World, type Weather } from './world.ts'

const OPERATIONS_PER_CLIENT = 50
const PAUSE_MS = 2_000
const EMPTY_PAUSE_MS = 12_000
/** By turns that meet every kind of seed. Five owners cost more than two clusters of three. */
const OWNER_COUNTS = [3, 1, 3, 2, 3, 3, 1, 3, 2, 3, 3, 1, 3, 2, 3, 3, 1, 3, 2, 3, 5] as const
/** Seeds differ in what they are about: bodies in blocks, or rows and little else. */
const INLINE_OF_TEN = [6, 9] as const
const NAME = 'simulated'
/** Part of the operations after which no fault strikes any more. */
const LAST_FAULT_AT = 0.8
/** Virtual time after which whatever was begun must have ended. */
const SAFETY_MS_MAX = 900_000
const LIVENESS_MS_MAX = 120_000

/** A smaller run of the same seed, to find what is needed to make it fail. */
export interface Limits {
  readonly clients: number
  readonly operationsPerClient: number
  readonly faults: number
}

export const fullLimits: Limits = {
  clients: CLIENT_COUNT,
  operationsPerClient: OPERATIONS_PER_CLIENT,
  faults: Infinity,
}

export interface Verdict {
  readonly seed: number
  /** Empty when all is well. */
  readonly violations: readonly string[]
  readonly nodes: number
  readonly operations: number
  readonly unknown: number
  /** Those of the operations that have to do with multipart uploads. */
  readonly uploads: number
  /** What struck, in order. */
  readonly faults: readonly string[]
  /** Version of the last layout; null where the owners were given. */
  readonly layout: number | null
  /** Layouts that were taken while the clients worked, beside the first where they had one. */
  readonly layoutsTaken: number
  /** A digest of all that happened: the same seed has the same. */
  readonly trace: number
  readonly events: number
  readonly virtualMs: number
}

export async function simulate(
  seed: number,
  options: { readonly plant?: Plant | undefined; readonly limits?: Limits } = {},
): Promise<Verdict> {
  const scene = await Scene.open(seed, options.plant, options.limits ?? fullLimits)
  return scene.play()
}

class Scene {
  readonly #seed: number
  readonly #world: World
  readonly #nodes: SimulatedNode[]
  readonly #ownerCount: number
  readonly #founding: Founding
  readonly #operator: Operator
  readonly #races: Races
  #layoutChanges = 0
  #layoutsTaken = 0
  readonly #hasTwoOperators: boolean
  /** The count of begun operations at which a node goes away. */
  readonly #absentFrom: number | undefined
  readonly #forecast: Forecast
  readonly #struck: string[] = []
  readonly #run: Run
  readonly #limits: Limits
  /** Counts of begun operations at which a fault strikes. */
  readonly #moments: readonly number[]
  #bucket: BucketId | undefined
  #begun = 0
  #isHealing = false

  private constructor(
    seed: number,
    parts: {
      readonly world: World
      readonly nodes: SimulatedNode[]
      readonly forecast: Forecast
      readonly faults: string[]
      readonly limits: Limits
      readonly ownerCount: number
      readonly founding: Founding
      readonly conditions: Conditions
    },
  ) {
    const { world, nodes, forecast, faults, limits } = parts
    this.#limits = limits
    this.#ownerCount = parts.ownerCount
    this.#founding = parts.founding
    this.#operator = new Operator(world, nodes)
    this.#races = new Races(world, nodes)
    const drawn = parts.founding.kind === 'fixed' ? 0 : 1 + world.rng.below(3)
    this.#hasTwoOperators = parts.conditions.hasTwoOperators === true
    this.#layoutChanges = parts.conditions.layoutChanges ?? drawn
    this.#seed = seed
    this.#world = world
    this.#nodes = nodes
    this.#forecast = forecast
    this.#run = {
      ...{ world, nodes, faults },
      bucket: () => this.#bucket!,
      operationsPerClient: limits.operationsPerClient,
      pauseMs: parts.conditions.emptiesKeys === true ? EMPTY_PAUSE_MS : PAUSE_MS,
      hasUploads: parts.conditions.emptiesKeys !== true,
      inlineOfTen: world.rng.pick(INLINE_OF_TEN),
      repeatsWrites: keepsTime(forecast),
      sharesBlocks: parts.conditions.sharesBlocks === true,
      history: [],
      contents: new Map(),
      beforeOperation: () => this.#count(),
    }
    const all = limits.clients * limits.operationsPerClient
    const count = Math.min(forecast.count, limits.faults)
    const last = Math.floor(LAST_FAULT_AT * all)
    const isAbsent = parts.conditions.hasAbsence === true && parts.founding.kind !== 'fixed'
    this.#absentFrom = isAbsent ? 1 + world.rng.below(Math.floor(all / 2)) : undefined
    this.#moments = Array.from({ length: count }, () => 1 + world.rng.below(last))
    world.answered = (node, endpoint) => this.#maybeCrash(node, endpoint)
  }

  static async open(seed: number, plant: Plant | undefined, limits: Limits): Promise<Scene> {
    const rng = new SeededRng(seed)
    const conditions = plant ?? (isStormy(seed) ? drawStorm(rng) : {})
    const counts = conditions.ownerCounts ?? OWNER_COUNTS
    const ownerCount = counts[seed % counts.length]!
    const founding = foundingOf(seed, rng, {
      owners: ownerCount,
      movesLayouts: conditions.movesLayouts === true,
    })
    const nodeCount =
      founding.kind === 'fixed'
        ? ownerCount + (rng.chance(0.3) ? 1 : 0)
        : Math.max(ownerCount, rng.pick([3, 3, 4, 4, 5]))
    const weather: Weather = { ...drawWeather(rng), ...conditions.weather }
    const forecast: Forecast = { ...drawForecast(rng), ...conditions.forecast }
    const world = new World(rng, weather, rng.chance(0.05))
    const byId = new Map<NodeId, SimulatedNode>()
    const faults: string[] = []
    const owners: NodeId[] = []
    const witness = witnessOf({ world, owners, ownerCount, founding, faults })
    for (let index = 0; index < nodeCount; index += 1) {
      const node = await SimulatedNode.make({
        ...{ world, index },
        directory: {
          find: (id) => byId.get(id)?.present?.network,
          all: () => [...byId.keys()],
        },
        clusterOf:
          founding.kind === 'fixed' ? (self) => fixedCluster(self, [owners], 1) : undefined,
        isAlone: founding.kind === 'grown' && index === 0,
        ...{ ...nodePlan(plant, conditions), witness },
        shardCount: seed % 4 === 0 ? 4 : 1,
        syncMs: () => syncMsIn(weather, rng),
        offsetMicros: () => Math.round((rng.unit() - 0.5) * apartMicros(forecast)),
        rates: forecast.drifts ? drawRates(rng) : undefined,
        fault: (sentence) => void faults.push(sentence),
      })
      byId.set(node.id, node)
      if (index < ownerCount) owners.push(node.id)
    }
    const nodes = [...byId.values()]
    const parts = { world, nodes, forecast, faults, limits, ownerCount, founding, conditions }
    return new Scene(seed, parts)
  }

  async play(): Promise<Verdict> {
    for (const node of this.#nodes) node.start()
    await this.#prepare()
    const layoutBefore = this.#operator.version() ?? 0
    await this.#runClients()
    this.#layoutsTaken = Math.max(0, (this.#operator.version() ?? 0) - layoutBefore)
    await this.#heal()
    const { history, faults } = this.#run
    const violations = [...faults, ...this.#judge()]
    const world = this.#world
    return {
      ...{ seed: this.#seed, violations, nodes: this.#nodes.length },
      operations: this.#begun,
      unknown: history.filter(({ answer }) => answer === undefined).length,
      uploads: history.filter(({ request }) => 'upload' in request).length,
      faults: this.#struck,
      layout: this.#operator.version(),
      layoutsTaken: this.#layoutsTaken,
      trace: world.trace,
      events: world.events,
      virtualMs: Math.round(world.now / 1000),
    }
  }

  /** A bucket, before anything goes wrong: where few changes get through there might be none. */
  async #prepare(): Promise<void> {
    const { weather } = this.#world
    const { acceptLossChance } = weather
    Object.assign(weather, { acceptLossChance: 0 })
    const make = async (): Promise<void> => {
      if (this.#founding.kind === 'founded') {
        await this.#operator.found(this.#founding.owners, this.#founding.factor)
      }
      for (;;) {
        const store = this.#nodes[0]!.product?.store
        try {
          if (store !== undefined) {
            // An attempt of unknown outcome may have made it.
            const found = await findBucketByName(store, NAME)
            this.#bucket = found?.id ?? (await createBucket(store, { name: NAME })).id
            return
          }
        } catch {
          // Not all are there yet.
        }
        await this.#rest(50)
      }
    }
    void make()
    await this.#world.run(SAFETY_MS_MAX, () => this.#bucket !== undefined)
    if (this.#bucket === undefined) this.#run.faults.push('no bucket could be made')
    Object.assign(weather, { acceptLossChance })
  }

  #count(): void {
    this.#begun += 1
    for (const moment of this.#moments) {
      if (moment !== this.#begun) continue
      this.#world.after(this.#world.rng.unit() * 100, () => this.#strike())
    }
    this.#races.at(this.#begun)
    if (this.#begun === this.#absentFrom) this.#leave()
    const all = this.#limits.clients * this.#limits.operationsPerClient
    const step = Math.floor((LAST_FAULT_AT * all) / (this.#layoutChanges + 1))
    if (this.#begun % step === 0 && this.#begun <= step * this.#layoutChanges) {
      this.#struck.push('layout')
      // A copy of each node, which somebody may put back later.
      for (const node of this.#nodes) node.remember()
      void this.#operator.change(() => this.#isHealing)
      if (this.#hasTwoOperators) void this.#operator.change(() => this.#isHealing)
    }
  }

  #leave(): void {
    if (this.#isHealing) return
    const departed = depart(this.#faults())
    if (departed === undefined) {
      this.#world.after(50, () => this.#leave())
      return
    }
    this.#struck.push(`absence ${departed.node.index}`)
    void this.#operator.leaveOut(departed, () => this.#isHealing)
  }

  #strike(): void {
    // One that found nothing to strike for long: the clients have ended.
    if (this.#isHealing) return
    const struck = strike(this.#faults())
    if (struck === undefined) this.#world.after(20, () => this.#strike())
    else this.#struck.push(struck)
  }

  #faults(): Faults {
    return {
      ...{ world: this.#world, nodes: this.#nodes, forecast: this.#forecast },
      isShrinking: () => this.#operator.isShrinking(),
    }
  }

  /** An owner that has promised something dies before it may have written anything. */
  #maybeCrash(id: NodeId, endpoint: string): void {
    const { rng } = this.#world
    const chance = this.#bucket === undefined ? 0 : this.#forecast.crashAfterPromiseChance
    if (chance === 0 || endpoint !== 'table/promise' || !rng.chance(chance)) return
    if (this.#nodes.some(({ mustBeRemembered }) => mustBeRemembered)) return
    if (this.#begun > LAST_FAULT_AT * OPERATIONS_PER_CLIENT * CLIENT_COUNT) return
    const node = this.#nodes.find((each) => each.id === id)!
    this.#world.after(rng.unit() * 10, () => {
      if (node.product === undefined) return
      node.crash('power')
      this.#struck.push(`power after promise ${node.index}`)
      this.#world.after(1, () => node.present ?? node.start())
    })
  }

  async #runClients(): Promise<void> {
    const world = this.#world
    const { faults } = this.#run
    const uploads: ConstructorParameters<typeof Client>[2] = []
    let working = this.#limits.clients
    for (let number = 1; number <= this.#limits.clients; number += 1) {
      world.after(world.rng.unit() * 20, () => {
        new Client(this.#run, number, uploads).work().then(
          () => (working -= 1),
          (error: unknown) => {
            working -= 1
            faults.push(`client: ${error instanceof Error ? error.stack : String(error)}`)
          },
        )
      })
    }
    await world.run(SAFETY_MS_MAX, () => working === 0)
    if (working > 0) faults.push('the clients did not end')
  }

  /** All nodes up and connected: then everything is read, from every node, and must succeed. */
  async #heal(): Promise<void> {
    const world = this.#world
    this.#isHealing = true
    world.cuts.clear()
    const calm = { lossChance: 0, acceptLossChance: 0, copyChance: 0, slowChance: 0 }
    Object.assign(world.weather, calm)
    // What was begun may still end; faults that last come to their end too.
    await world.run(5_000, () => false)
    for (const node of this.#nodes) {
      node.disk.heal()
      if (node.present === undefined) node.start()
    }
    await world.run(LIVENESS_MS_MAX, () =>
      this.#nodes.every(({ product, isStopping }) => product !== undefined && !isStopping),
    )
    if (this.#founding.kind !== 'fixed') {
      // Where no change was ever taken, only the first node serves.
      if (this.#operator.version() === 0) void this.#operator.grow()
      await world.run(LIVENESS_MS_MAX, () => this.#operator.isSettled())
      if (!this.#operator.isSettled()) this.#run.faults.push('the change of layout did not end')
    }
    await world.run(SPAN_MICROS / 1000 + 2 * GRACE_MS, () => false)
    let left = 0
    for (const node of this.#nodes) {
      const store = node.product?.store
      if (store === undefined) {
        this.#run.faults.push(`node ${node.index} did not start again`)
        continue
      }
      for (const key of KEYS) {
        left += 1
        void this.#readAtEnd(store, key).then(() => (left -= 1))
      }
    }
    await world.run(LIVENESS_MS_MAX, () => left === 0)
    if (left > 0) this.#run.faults.push('the keys could not be read after the faults were over')
    else if (this.#nodes.every(({ product }) => product !== undefined)) await this.#takeStock()
  }

  /** Once nothing is written, owners come to hold the same rows, and each just the blocks it needs. */
  async #takeStock(): Promise<void> {
    const world = this.#world
    let faults: readonly string[] = ['not looked at yet']
    const look = async (): Promise<void> => {
      while (faults.length > 0) {
        await this.#rest(SYNC_INTERVAL_MS)
        const races = await this.#races.faults()
        const owners = (partition: number): readonly NodeId[] => this.#ownersOf(partition)
        faults = [...races, ...(await stockFaults(this.#nodes, owners))]
      }
    }
    look().catch((error: unknown) => {
      faults = [`stock cannot be taken: ${String(error)}`]
    })
    await world.run(LIVENESS_MS_MAX, () => faults.length === 0)
    this.#run.faults.push(...faults)
  }

  #ownersOf(partition: number): readonly NodeId[] {
    if (this.#founding.kind !== 'fixed') return this.#operator.ownersOf(partition)
    return this.#nodes.slice(0, this.#ownerCount).map(({ id }) => id)
  }

  async #readAtEnd(store: Store, key: string): Promise<void> {
    const world = this.#world
    for (let attempt = 1; ; attempt += 1) {
      const call = world.now
      try {
        const answer = await readVersion(this.#run, store, key)
        const request = { kind: 'get' } as const
        this.#run.history.push({ key, request, call, end: world.now, answer })
        return
      } catch (error) {
        if (attempt === 20) {
          this.#run.faults.push(
            `at the end "${key}" cannot be read: ${String(error)} ${JSON.stringify((error as { cause?: { details?: unknown } }).cause?.details)}`,
          )
          return
        }
        await this.#rest(500)
      }
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#world.after(ms, resolve))
  }

  #judge(): string[] {
    return KEYS.flatMap((key) => {
      const entries = historyOf(this.#run.history.filter((recorded) => recorded.key === key))
      const fault = linearizationFault(entries, initialState)
      return fault === undefined ? [] : [`key "${key}" is not linearizable: ${fault}`]
    })
  }
}

/** What is other than usual in every node. */
function nodePlan(
  plant: Plant | undefined,
  { syncIntervalMs }: Conditions,
): Pick<NodeParts, 'rules' | 'graft' | 'syncIntervalMs'> {
  return { rules: plant?.rules ?? {}, graft: plant?.graft, syncIntervalMs }
}

function syncMsIn({ slowSyncChance = 0 }: Weather, rng: SeededRng): number {
  return rng.chance(slowSyncChance) ? rng.unit() * 40 : 0.1 + rng.unit()
}
