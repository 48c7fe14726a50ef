/** Layouts of a simulation: founded or grown by an operator, and changed while clients work. */

import type { NodeId } from '../base/ids.ts'
import { GIB } from '../base/limits.ts'
import { newestLayout, type LayoutHistory } from '../cluster/layout/history.ts'
import { ownersIn, type Layout, type Role } from '../cluster/layout/layout.ts'
import { LAYOUT_PARTITION } from '../cluster/cluster.ts'
import {
  applyLayout,
  declareNodeLost,
  showLayout,
  skipDeadNodes,
  stageLayout,
  type LayoutContext,
} from '../store/layout/layout.ts'
import type { Departed } from './faults.ts'
import type { SimulatedNode } from './node.ts'
import type { SeededRng } from './seeded-rng.ts'
import type { World } from './world.ts'

const ZONES = ['north', 'south', 'west'] as const
/** How long the operator rests after a command that was not taken. */
const RETRY_MS = 300
const FEW = 3
/** One seed of so many changes its layout, and beside them one of so many: some never get to it. */
const LAYOUT_EVERY = 4
const LAYOUT_EVERY_TOO = 40
/** After which somebody who was left out is back, whatever became of that. */
const AWAY_MS_MAX = 90_000
const STEP_MS = 10_000
/** A change that comes to nothing, for somebody else was first or too few were there, is tried anew. */
const TRIES_MAX = 8
const OUT_MS = [0, 2_000, 20_000] as const

/** How a run comes to its owners. */
export type Founding =
  /** The same owners for ever, given from outside. */
  | { readonly kind: 'fixed' }
  /** All nodes wait; an operator gives the first `owners` of them roles. */
  | { readonly kind: 'founded'; readonly owners: number; readonly factor: number }
  /** The first node serves alone; others are taken in later. */
  | { readonly kind: 'grown' }

type Roles = ReadonlyMap<NodeId, Role | undefined>

/** @returns whether it is done */
type Step = (layout: LayoutContext, history: LayoutHistory, node: SimulatedNode) => Promise<boolean>

/** Drives the layout commands as an operator at any node would. */
export class Operator {
  readonly #world: World
  readonly #nodes: readonly SimulatedNode[]
  /** Layouts that were asked for, whether or not they came to be. */
  attempts = 0
  /** The last one that was asked for of which few nodes may store. */
  #smallVersion = 0

  constructor(world: World, nodes: readonly SimulatedNode[]) {
    this.#world = world
    this.#nodes = nodes
  }

  /** Gives the first nodes roles, and applies that as layout 1; resolves once it counts. */
  async found(owners: number, factor: number): Promise<void> {
    const roles = new Map(this.#nodes.slice(0, owners).map((node) => [node.id, this.#role(node)]))
    for (;;) {
      const layout = this.#nodes[0]!.product?.layout
      if (layout?.members.history() !== undefined) return
      try {
        if (layout !== undefined) {
          await stageLayout(layout, { roles, factor })
          await applyLayout(layout, 1)
        }
      } catch {
        // Not all are there yet.
      }
      await this.#rest()
    }
  }

  /** Changes until one is taken. */
  async grow(): Promise<void> {
    while (this.version() === 0) {
      await this.#changeOnce().catch(() => undefined)
      await this.#rest()
    }
  }

  /**
   * One change of the layout, drawn anew for some tries until one is taken.
   *
   * @param isOver whether nothing may befall the nodes any more
   */
  async change(isOver: () => boolean): Promise<void> {
    const before = this.version()
    for (let tries = 0; tries < TRIES_MAX && !isOver(); tries += 1) {
      // What was begun at a node that died is never heard of again.
      await Promise.race([this.#changeOnce().catch(() => undefined), this.#rest(STEP_MS)])
      if (this.version() !== before) return
      await this.#rest(RETRY_MS)
    }
  }

  async #changeOnce(): Promise<void> {
    const { rng } = this.#world
    const layout = rng.pick(this.#nodes).product?.layout
    if (layout === undefined) return
    this.attempts += 1
    const { history } = await showLayout(layout)
    if (history === undefined) return
    const newest = newestLayout(history)
    await this.#apply(layout, history, this.#drawRoles(newest, this.#least()))
  }

  async #apply(layout: LayoutContext, history: LayoutHistory, roles: Roles): Promise<void> {
    const { version } = newestLayout(history)
    const least = this.#least()
    const wished = Math.max(least, this.#world.rng.pick([1, 2, 3, 3, 3]))
    const storing = storingWith(newestLayout(history), [history.staged.roles, roles])
    if (!this.#mayBecome(history, storing)) return
    const factor = Math.min(Math.max(1, storing), wished)
    const now = await stageLayout(layout, { roles, factor, zoneSpread: 1 })
    // Others staged something meanwhile.
    const isAsMeant = storingWith(newestLayout(history), [now.staged.roles]) === storing
    if (isAsMeant) await applyLayout(layout, version + 1)
  }

  /** With all that is staged: one change after the other that came to nothing may leave one alone. */
  #mayBecome(history: LayoutHistory, storing: number): boolean {
    if (storing < this.#least()) return false
    if (storing >= FEW) return true
    // Whom nobody could let in again.
    if (this.#nodes.some((node) => waitsToBeLetIn(node, history))) return false
    this.#smallVersion = Math.max(this.#smallVersion, newestLayout(history).version + 1)
    return true
  }

  /** Where a bit has flipped unseen the last whole copy must not be thrown away. */
  #least(): number {
    return this.#nodes.some(({ disk }) => disk.rotten.length > 0) ? 2 : 1
  }

  /**
   * Takes the role of a node that is away and goes on without it; then gives it one again. It is let
   * back before that or after it: then it has heard of nothing in between.
   *
   * @param isOver whether nothing may befall the nodes any more
   */
  async leaveOut({ node, isGone, come }: Departed, isOver: () => boolean): Promise<void> {
    const { rng, now } = this.#world
    const until = now + AWAY_MS_MAX * 1000
    const isTime = (): boolean => !isOver() && this.#world.now < until
    // Before its role is taken, or after it.
    if (isGone && rng.chance(0.5)) await this.#until(isTime, node, declareLost)
    if (await this.#until(isTime, node, isGone ? this.#goOnWithoutRows : this.#goOnWithout)) {
      await this.#rest(rng.pick(OUT_MS))
      if (rng.chance(0.3)) come()
      await this.#until(isTime, node, this.#takeBack)
      await this.#rest(rng.pick(OUT_MS))
    }
    come()
  }

  /** Tries a step by way of some other node, until it is done. @returns false when time was up */
  async #until(isTime: () => boolean, node: SimulatedNode, step: Step): Promise<boolean> {
    const others = this.#nodes.filter((each) => each !== node)
    while (isTime()) {
      await this.#rest()
      const layout = this.#world.rng.pick(others).product?.layout
      try {
        const trying = layout === undefined ? false : this.#try(layout, node, step)
        // What was begun at a node that died is never heard of again.
        if ((await Promise.race([trying, this.#rest(STEP_MS)])) === true) return true
      } catch {
        // Somebody else changed it, or too few are there.
      }
    }
    return false
  }

  async #try(layout: LayoutContext, node: SimulatedNode, step: Step): Promise<boolean> {
    const { history } = await showLayout(layout)
    return history !== undefined && step(layout, history, node)
  }

  /** @returns whether nobody waits for it any more */
  readonly #goOnWithout: Step = async (layout, history, node) => {
    const { version, storage } = newestLayout(history)
    if (storage.includes(node.id)) return this.#takeRole(layout, history, node)
    if (history.active.length === 1) return true
    await skipDeadNodes(layout, { version, allowMissingData: false })
    return false
  }

  readonly #goOnWithoutRows: Step = async (layout, history, node) => {
    if (newestLayout(history).storage.includes(node.id)) {
      return this.#takeRole(layout, history, node)
    }
    if (history.active.length > 1) await declareLost(layout, history, node)
    return history.active.length === 1
  }

  readonly #takeRole: Step = async (layout, history, { id }) => {
    const { storage } = newestLayout(history)
    if (storage.length >= FEW) {
      await this.#apply(layout, history, new Map([[id, undefined]]))
    }
    return false
  }

  readonly #takeBack: Step = async (layout, history, node) => {
    const { storage } = newestLayout(history)
    if (storage.includes(node.id)) return true
    await this.#apply(layout, history, new Map([[node.id, this.#role(node)]]))
    return false
  }

  /** @returns changes of roles: without what is staged, at least `least` nodes store with them */
  #drawRoles(newest: Layout, least: number): Roles {
    const { rng } = this.#world
    const members = new Set<NodeId>(newest.storage)
    const spare = this.#nodes.filter(({ id }) => !members.has(id))
    const roles = new Map<NodeId, Role | undefined>()
    // A lone node has no role of its own before it gets one.
    if (newest.version === 0) for (const id of members) roles.set(id, this.#role(this.#at(id)))
    const isLeaving = spare.length === 0 || (members.size > 2 && rng.chance(0.4))
    if (isLeaving && members.size > least) roles.set(rng.pick([...members]), undefined)
    else {
      for (const node of spare.slice(0, 1 + rng.below(2))) roles.set(node.id, this.#role(node))
    }
    return roles
  }

  /** Whether a layout of few nodes may come that no node knows yet. */
  isShrinking(): boolean {
    return this.#smallVersion > (this.version() ?? 0)
  }

  /** Whether every node knows one layout, alone, and all of it is where it belongs. */
  isSettled(): boolean {
    const versions = this.#nodes.map(({ product }) => {
      const history = product?.layout?.members.history()
      return history?.active.length === 1 ? newestLayout(history).version : undefined
    })
    return versions[0] !== undefined && new Set(versions).size === 1
  }

  /** Of the newest layout that any node knows. */
  version(): number | null {
    const versions = this.#nodes.flatMap(({ product }) => {
      const history = product?.layout?.members.history()
      return history === undefined ? [] : [newestLayout(history).version]
    })
    return versions.length === 0 ? null : Math.max(...versions)
  }

  /** The nodes that own a partition in the newest layout that the first node knows. */
  ownersOf(partition: number): readonly NodeId[] {
    const history = this.#nodes[0]!.product!.layout!.members.history()!
    return ownersIn(newestLayout(history), partition)
  }

  #role(node: SimulatedNode): Role {
    return {
      zone: ZONES[node.index % ZONES.length]!,
      capacityBytes: (1 + (node.index % 2)) * GIB,
      tags: [],
    }
  }

  #at(id: NodeId): SimulatedNode {
    return this.#nodes.find((node) => node.id === id)!
  }

  #rest(ms = RETRY_MS): Promise<void> {
    return new Promise((resolve) => void this.#world.after(ms, resolve))
  }
}

const declareLost: Step = async (layout, history, { id }) => {
  const progress = history.nodes.get(id)
  if (progress === undefined || progress.isLost) return true
  await declareNodeLost(layout, id)
  return false
}

/** How many nodes store once these changes of roles were made, one after the other. */
function storingWith({ storage }: Layout, changes: readonly Roles[]): number {
  const storing = new Set(storage)
  for (const [id, role] of changes.flatMap((roles) => [...roles])) {
    if (role === undefined) storing.delete(id)
    else storing.add(id)
  }
  return storing.size
}

/** Whoever is away for good waits for nothing. */
function waitsToBeLetIn(node: SimulatedNode, history: LayoutHistory): boolean {
  if (node.present === undefined && node.hasBeenAway) return false
  return node.hasLostRows && !((history.nodes.get(node.id)?.readmittedAt ?? 0) > 0)
}

/** Every partition that rows can lie in. */
export const partitionNumbers: readonly number[] = Array.from(
  { length: LAYOUT_PARTITION + 1 },
  (_, partition) => partition,
)

/** Every other one that changes its layout. */
export function isStormy(seed: number): boolean {
  return seed % (2 * LAYOUT_EVERY) === 1
}

export function foundingOf(
  seed: number,
  rng: SeededRng,
  { owners, movesLayouts }: { readonly owners: number; readonly movesLayouts: boolean },
): Founding {
  const isMoving = seed % LAYOUT_EVERY === 1 || seed % LAYOUT_EVERY_TOO === 2
  if (!isMoving && !movesLayouts) return { kind: 'fixed' }
  if (rng.chance(0.5)) return { kind: 'grown' }
  return { kind: 'founded', owners, factor: Math.min(3, owners) }
}
