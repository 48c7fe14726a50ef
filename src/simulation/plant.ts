/** A planted fault: what is wrong in an otherwise right node, and the weather that shows it best. */

import type { Network } from '../base/network.ts'
import type { Engine, Operation } from '../db/engine.ts'
import type { EngineHome } from '../db/open.ts'
import type { ModelTables } from '../model/tables.ts'
import type { ClosableNetwork, Ground } from '../node/ground.ts'
import type { Product } from '../node/product.ts'
import type { AnyTable } from '../table/schema.ts'
import type { Rules } from '../table/rules.ts'
import { faultKinds, type FaultKind, type Forecast } from './faults.ts'
import type { SeededRng } from './seeded-rng.ts'
import type { Life, Weather } from './world.ts'

/** What a run is like: its control is the same run without the fault. */
export interface Conditions {
  readonly weather?: Partial<Weather>
  readonly forecast?: Partial<Forecast>
  readonly ownerCounts?: readonly number[]
  /** Every seed changes its layout, not one in four. */
  readonly movesLayouts?: boolean
  /** How often; drawn when absent. */
  readonly layoutChanges?: number
  /** Keys are deleted more often, left alone for longer, and never kept by an upload. */
  readonly emptiesKeys?: boolean
  /** Between two comparisons of the owners; the same for all when absent. */
  readonly syncIntervalMs?: number
  /** Two operators change the layout at the same time. */
  readonly hasTwoOperators?: boolean
  /** A node is away while the layout goes on without it. */
  readonly hasAbsence?: boolean
  /** Large bodies are few: most of them lie here already. */
  readonly sharesBlocks?: boolean
}

export interface Plant extends Conditions {
  readonly name: string
  /** Takes many seeds: left to `npm run plants`. */
  readonly isRare?: boolean
  /** A wrong decision. */
  readonly rules?: Partial<Rules>
  /** Something wrong in the place of what a node stands on; made once for each node. */
  readonly graft?: (rng: SeededRng) => Graft
}

/**
 * Many changes of the layout, few kinds of faults and those often, rows that are lost among them,
 * messages that are lost or late: in such runs most faults were found that others hardly show.
 */
export function drawStorm(rng: SeededRng): Conditions {
  // Rows are lost once in a run, where other nodes have whole copies, and in some runs never.
  const losses: readonly FaultKind[] = ['wipe', 'wipe', 'wipe']
  const others = faultKinds.filter((kind) => kind !== 'wipe' && kind !== 'rot')
  const drawn = others.filter(() => rng.chance(0.4))
  const kinds = drawn.length === 0 ? others : drawn
  const isLate = rng.chance(0.25)
  return {
    layoutChanges: 2 + rng.below(6),
    hasTwoOperators: rng.chance(0.3),
    hasAbsence: rng.chance(0.3),
    sharesBlocks: rng.chance(0.25),
    ...(rng.chance(0.25) ? { syncIntervalMs: 15_000 } : {}),
    forecast: {
      kinds: [...kinds, ...losses],
      count: 8 + rng.below(12),
      freezeMs: rng.pick([3_000, 3_000, 20_000]),
      restartMs: rng.pick([undefined, undefined, 50, 8_000, 20_000]),
    },
    weather: {
      lossChance: rng.pick([0, 0.01, 0.1]),
      acceptLossChance: rng.pick([0, 0, 0.2, 0.5]),
      ...(isLate
        ? { slowChance: 0.1, slowMs: rng.pick([300, 1_500, 15_000]), copyChance: 0.3 }
        : {}),
    },
  }
}

/** The same run with everything right. */
export function controlOf(plant: Plant): Plant {
  const { rules: _wrong, graft: _wrongToo, ...right } = plant
  return right
}

/** Stands between a node and its surroundings, in every life of it. */
export interface Graft {
  readonly ground?: (ground: Ground, life: Life) => Ground
  /** What clients are given, once the node has started. */
  readonly product?: (product: Product) => Product
}

export type Call = Network['call']

/** A ground whose network is another. */
export function withNetwork(
  ground: Ground,
  change: (network: ClosableNetwork) => Partial<ClosableNetwork>,
): Ground {
  return {
    ...ground,
    network: (self) => {
      const inner = ground.network(self)
      return {
        self: inner.self,
        handle: (endpoint, handler) => inner.handle(endpoint, handler),
        receive: (endpoint, handler) => inner.receive(endpoint, handler),
        peers: () => inner.peers(),
        call: (to, endpoint, message, options) => inner.call(to, endpoint, message, options),
        transfer: (to, endpoint, parcel, options) => inner.transfer(to, endpoint, parcel, options),
        close: () => inner.close(),
        ...change(inner),
      }
    },
  }
}

/** A ground whose rows lie in another engine. */
export function withEngine(ground: Ground, change: (engine: Engine) => Partial<Engine>): Ground {
  const { simulated } = ground
  const home = simulated!.engineHome
  const open: EngineHome['open'] = async (...how) => {
    const inner = await home.open(...how)
    return {
      get: (key, form) => inner.get(key, form),
      range: (options, form) => inner.range(options, form),
      write: (operations) => inner.write(operations),
      close: () => inner.close(),
      ...change(inner),
    }
  }
  const engineHome: EngineHome = {
    isPresent: () => home.isPresent(),
    open,
    repair: (accepted) => home.repair(accepted),
  }
  return { ...ground, simulated: { ...simulated!, engineHome } }
}

/** A ground with other tables. */
export function withModel(
  ground: Ground,
  change: (model: ModelTables) => Partial<ModelTables>,
): Ground {
  const model = (built: ModelTables): ModelTables => {
    const { all: _all, ...tables } = { ...built, ...change(built) }
    return {
      ...tables,
      all: Object.values(tables) as unknown as readonly AnyTable[],
    } as ModelTables
  }
  return { ...ground, simulated: { ...ground.simulated!, model } }
}

/** A node whose clients get another store. */
export function withStore(
  product: Product,
  change: (store: Product['store']) => Partial<Product['store']>,
): Product {
  return { ...product, store: { ...product.store, ...change(product.store) } }
}

/** The tables of a store, with some of their verbs replaced. */
export function withTables(
  store: Product['store'],
  change: (tables: Product['store']['tables']) => Partial<Product['store']['tables']>,
): Partial<Product['store']> {
  const { tables } = store
  const verbs = {
    now: () => tables.now(),
    change: tables.change.bind(tables),
    changeMany: tables.changeMany.bind(tables),
    settle: tables.settle.bind(tables),
    get: tables.get.bind(tables),
    getSides: tables.getSides.bind(tables),
    page: tables.page.bind(tables),
    insert: tables.insert.bind(tables),
    read: tables.read.bind(tables),
    range: tables.range.bind(tables),
  }
  return { tables: { ...verbs, ...change(tables) } }
}

/** Operations of a batch whose keys begin with that tag, and the others. */
export function splitByTag(
  operations: readonly Operation[],
  tags: string,
): { readonly tagged: Operation[]; readonly others: Operation[] } {
  const copies = operations.map(({ type, key, value }) => ({ type, key, value }))
  return {
    tagged: copies.filter(({ key }) => tags.includes(key[0]!)),
    others: copies.filter(({ key }) => !tags.includes(key[0]!)),
  }
}
