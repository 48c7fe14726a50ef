/** One run from one seed: nodes, weather, faults, clients, and the verdict on their history. */

import type { Batch } from '../../src/db/db.ts'
import type { Rules } from '../../src/table/rules.ts'
import { buildObjectTable } from '../../src/model/object.table.ts'
import { Gates } from '../../src/model/rows/gate.ts'
import { manifestTable } from '../../src/model/manifest.table.ts'
import { manifestOf, type ObjectValue } from '../../src/model/rows/object.ts'
import type { AnyTable, RegisterTable } from '../../src/table/schema.ts'
import { TableError } from '../../src/table/errors.ts'
import { linearizationFault } from '../support/linearizability.ts'
import { SeededRng } from '../support/seeded-rng.ts'
import { Client, KEYS, OPERATIONS_PER_CLIENT, PARTITION_KEY, type Run } from './clients.ts'
import { historyOf, initialState } from './history.ts'
import { SimulatedNode, simulatedId } from './node.ts'
import { startReleasing } from './release.ts'
import { World, type Weather } from './world.ts'

const CLIENT_COUNT = 4
const OWNER_COUNTS = [1, 2, 3, 5] as const
const SPAN_MICROS = 3_000_000
const FAULTS_MIN = 5

export type FaultKind = 'crash' | 'stop' | 'freeze' | 'cut' | 'split' | 'jump'

/** A planted fault: what is wrong, and which bad weather shows it best. */
export interface Plant {
  readonly name: string
  readonly rules?: Partial<Rules>
  /** Hooks of the object table that release at once what the row here stops naming. */
  readonly releasesLocally?: boolean
  readonly weather?: Partial<Weather>
  readonly faultKinds?: readonly FaultKind[]
  readonly faultCount?: number
  /** How often an owner crashes soon after it has promised something. */
  readonly crashAfterPromiseChance?: number
  /** How long a node is down; drawn when absent. */
  readonly restartMs?: number
  readonly ownerCounts?: readonly number[]
}

export interface Verdict {
  readonly seed: number
  /** Empty when all is well. */
  readonly violations: readonly string[]
  readonly operations: number
  readonly unknown: number
  readonly faults: number
  readonly trace: number
  readonly events: number
  readonly virtualMs: number
}

export async function simulate(seed: number, plant?: Plant): Promise<Verdict> {
  const rng = new SeededRng(seed)
  const counts = plant?.ownerCounts ?? OWNER_COUNTS
  const ownerCount = counts[seed % counts.length]!
  const hasGateway = rng.chance(0.4)
  const weather: Weather = { ...drawWeather(rng), ...plant?.weather }
  const world = new World(rng, weather, rng.chance(0.05))
  const owners = Array.from({ length: ownerCount }, (_, index) => simulatedId(index))
  const nodes: SimulatedNode[] = []
  let faultCount = 0
  let begun = 0
  const freed = new Map<string, number>()
  // Nobody deletes a bucket here: every gate is open.
  const product = buildObjectTable(new Gates())
  const releases = plant?.releasesLocally === true
  const objects = releases ? releasingObjects(product, freed, world) : product
  const inject = faultInjector({ world, nodes, plant })
  const due = drawMoments(rng, plant?.faultCount ?? FAULTS_MIN + rng.below(4))
  const strike = (): void => {
    if (inject()) faultCount += 1
    else world.after(10, strike)
  }
  const run: Run = {
    ...{ world, nodes, objects, freed },
    ...{ spanMicros: SPAN_MICROS, ownerCount },
    history: [],
    running: new Set(),
    faults: [],
    beforeOperation: () => {
      begun += 1
      while (due.length > 0 && due[0]! <= begun) {
        due.shift()
        world.after(rng.unit() * 40, strike)
      }
    },
  }
  const tables = [objects, manifestTable] as unknown as AnyTable[]
  for (let index = 0; index < ownerCount + (hasGateway ? 1 : 0); index += 1) {
    const node = new SimulatedNode({
      ...{ world, index, owners, tables },
      rules: { operationSpanMicros: SPAN_MICROS, ...plant?.rules },
      directory: (id) => nodes.find((other) => other.id === id)?.present?.network,
      syncMs: () => (rng.chance(0.05) ? rng.unit() * 40 : 0.2 + rng.unit() * 2),
      offsetMicros: () => Math.round((rng.unit() - 0.5) * 8_000_000),
      began: (begun) => startReleasing(run, begun),
    })
    nodes.push(node)
    node.start()
  }
  const crashChance = plant?.crashAfterPromiseChance ?? 0
  world.promised = (owner) => {
    if (begun > 80 || !rng.chance(crashChance)) return
    world.after(rng.unit() * 10, () => {
      const node = nodes.find(({ id }) => id === owner)
      node?.crash('lose')
      world.after(1, () => node?.present ?? node?.start())
      faultCount += 1
    })
  }
  await runClients(run)
  await healAndSettle(run)
  const violations = [...run.faults, ...judge(run)]
  const unknown = run.history.filter(({ answer }) => answer === undefined).length
  return {
    ...{ seed, violations, unknown, faults: faultCount, trace: world.trace },
    events: world.events,
    virtualMs: Math.round(world.now / 1000),
    operations: CLIENT_COUNT * OPERATIONS_PER_CLIENT,
  }
}

function drawWeather(rng: SeededRng): Weather {
  return {
    lossChance: rng.pick([0, 0, 0.01, 0.05]),
    copyChance: rng.pick([0, 0, 0.05]),
    slowChance: rng.pick([0, 0.02, 0.1]),
    slowMs: rng.pick([50, 300, 1500]),
    usualMs: rng.pick([2, 5, 20]),
  }
}

/** Counts of begun operations at which a fault strikes, in order. */
function drawMoments(rng: SeededRng, count: number): number[] {
  return Array.from({ length: count }, () => 2 + rng.below(60)).sort((a, b) => a - b)
}

function faultInjector(parts: {
  readonly world: World
  readonly nodes: readonly SimulatedNode[]
  readonly plant: Plant | undefined
}): () => boolean {
  const { world, nodes } = parts
  const { rng } = world
  const kinds = parts.plant?.faultKinds ?? [
    'crash',
    'crash',
    'stop',
    'freeze',
    'freeze',
    'cut',
    'split',
    'jump',
  ]
  const restart = (node: SimulatedNode): void => {
    world.after((parts.plant?.restartMs ?? rng.pick([1, 20, 300])) * (0.5 + rng.unit()), () => {
      if (node.present === undefined) node.start()
    })
  }
  return () => {
    const node = rng.pick(nodes)
    const kind = rng.pick(kinds)
    if (node.present === undefined) return false
    world.note(kind)
    switch (kind) {
      case 'crash':
        node.crash(rng.chance(0.5) ? 'keep' : 'lose')
        restart(node)
        return true
      case 'stop':
        node.stop().then(
          () => restart(node),
          () => undefined,
        )
        return true
      case 'freeze': {
        const { life } = node.present
        life.freeze()
        world.after(20 + rng.unit() * 1200, () => life.thaw())
        return true
      }
      case 'cut': {
        const other = rng.pick(nodes)
        if (other === node) return false
        const pair = `${node.id} ${other.id}`
        world.cuts.add(pair)
        world.after(50 + rng.unit() * 1500, () => world.cuts.delete(pair))
        return true
      }
      case 'split': {
        const other = rng.pick(nodes)
        if (other === node) return false
        const pairs = [`${node.id} ${other.id}`, `${other.id} ${node.id}`]
        for (const pair of pairs) world.cuts.add(pair)
        world.after(500 + rng.unit() * 2000, () => {
          for (const pair of pairs) world.cuts.delete(pair)
        })
        return true
      }
      case 'jump':
        node.present.life.jump(Math.round((rng.unit() - 0.5) * 8_000_000))
        return true
    }
  }
}

async function runClients(run: Run): Promise<void> {
  const { world } = run
  const uploads: ConstructorParameters<typeof Client>[2] = []
  let working = CLIENT_COUNT
  for (let number = 1; number <= CLIENT_COUNT; number += 1) {
    world.after(world.rng.unit() * 20, () => {
      new Client(run, number, uploads).work().then(
        () => (working -= 1),
        (error: unknown) => {
          working -= 1
          run.faults.push(`client: ${error instanceof Error ? error.stack : String(error)}`)
        },
      )
    })
  }
  await world.run(600_000, () => working === 0)
  if (working > 0) run.faults.push('the clients did not end')
}

/** All nodes up and connected; then every key's last state is read as a client would. */
async function healAndSettle(run: Run): Promise<void> {
  const { world, nodes, history, objects } = run
  world.cuts.clear()
  Object.assign(world.weather, { lossChance: 0, copyChance: 0, slowChance: 0 })
  await world.run((2 * SPAN_MICROS) / 1000, () => false)
  for (const node of nodes) {
    if (node.present === undefined) node.start()
  }
  let left: number = KEYS.length
  for (const key of KEYS) {
    const { tables } = nodes[0]!.present!
    const settleKey = async (): Promise<void> => {
      const call = world.now
      const ref = { table: objects, partitionKey: PARTITION_KEY, key }
      const value = await again(run, () => tables.settle(ref))
      const version =
        value?.current === undefined
          ? ''
          : `${value.current.etag}|${value.current.metadata[0]?.[1] ?? ''}`
      const answer = { kind: 'shows', version } as const
      history.push({ key, request: { kind: 'get' }, call, end: world.now, answer })
      const manifest = manifestOf(value)
      if (manifest !== undefined && run.freed.has(manifest)) {
        run.faults.push(`freed: key "${key}" names manifest ${manifest} at the end`)
      }
      left -= 1
    }
    world.after(1, () => void settleKey())
  }
  await world.run(60_000, () => left === 0)
  if (left > 0) run.faults.push('the keys did not settle after the faults were over')
}

async function again<Result>(run: Run, work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof TableError)) throw error
      await new Promise<void>((resolve) => void run.world.after(200, resolve))
    }
  }
}

function judge(run: Run): string[] {
  return KEYS.flatMap((key) => {
    const entries = historyOf(run.history.filter((recorded) => recorded.key === key))
    const fault = linearizationFault(entries, initialState)
    return fault === undefined ? [] : [`key "${key}" is not linearizable: ${fault}`]
  })
}

/** The object table with the planted hook: what the row here stops naming is freed at once. */
function releasingObjects(
  product: RegisterTable<ObjectValue>,
  freed: Map<string, number>,
  world: World,
): RegisterTable<ObjectValue> {
  return {
    ...product,
    updated: (batch: Batch, update) => {
      product.updated?.(batch, update)
      const dropped = manifestOf(update.before)
      if (dropped === undefined || dropped === manifestOf(update.after)) return
      if (!freed.has(dropped)) freed.set(dropped, world.now)
    },
  }
}
