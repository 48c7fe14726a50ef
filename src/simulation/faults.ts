/** What befalls the nodes of a simulation: a swarm of faults, other ones for each seed. */

import { newestLayout, type LayoutHistory } from '../cluster/layout/history.ts'
import { COPY_MS_MIN, type SimulatedNode } from './node.ts'
import type { SeededRng } from './seeded-rng.ts'
import type { Weather, World } from './world.ts'

export const faultKinds = [
  'kill',
  'power',
  'blackout',
  'stop',
  'freeze',
  'cut',
  'split',
  'jump',
  'full',
  'rot',
  'unreadable',
  'unsynced',
  'wipe',
] as const
export type FaultKind = (typeof faultKinds)[number]

/** Which faults a seed has at all, and how they fall. */
export interface Forecast {
  readonly kinds: readonly FaultKind[]
  readonly count: number
  /** How often an owner dies soon after it has promised something. */
  readonly crashAfterPromiseChance: number
  /** The clocks of the nodes do not run at one rate. */
  readonly drifts: boolean
  /** How long a frozen node sleeps at most. */
  readonly freezeMs: number
  /** How long a node is down; drawn when undefined. */
  readonly restartMs: number | undefined
}

/** Those by which some process ends, and what it had in memory is gone. */
const ENDS_LIVES: ReadonlySet<FaultKind> = new Set([
  ...(['kill', 'power', 'blackout', 'unreadable', 'unsynced'] as const),
])
/** Those by which it cannot be asked for a while. */
const HIDES: ReadonlySet<FaultKind> = new Set([...ENDS_LIVES, 'freeze', 'cut', 'split'])
const COUNT_MIN = 5
/** The others go on without one of so many. */
const STORING_MIN = 3
const SEGMENT_FILE = /^\/blocks\/.*segment/
const METADATA_FILE = /^\/meta\//
const SYNCED_FILES = [SEGMENT_FILE, /^\/meta\/db\//, /^\/meta\/seal$/, METADATA_FILE]

export function drawForecast(rng: SeededRng): Forecast {
  const drawn = faultKinds.filter(() => rng.chance(0.6))
  // Few moments allow a loss of rows, so it is tried more often.
  const kinds: readonly FaultKind[] = drawn.includes('wipe') ? [...drawn, 'wipe', 'wipe'] : drawn
  return {
    kinds: kinds.length === 0 ? ['kill'] : kinds,
    count: COUNT_MIN + rng.below(8),
    crashAfterPromiseChance: 0,
    drifts: rng.chance(0.3),
    freezeMs: 3_000,
    restartMs: undefined,
  }
}

export function drawWeather(rng: SeededRng): Weather {
  return {
    lossChance: rng.pick([0, 0, 0.01, 0.05]),
    // Changes stay half done, and others come upon them.
    acceptLossChance: rng.pick([0, 0, 0, 0, 0.2, 0.5]),
    copyChance: rng.pick([0, 0, 0.05]),
    slowChance: rng.pick([0, 0.02, 0.1]),
    slowMs: rng.pick([50, 300, 1500]),
    usualMs: rng.pick([2, 5, 20]),
    slowSyncChance: rng.pick([0.02, 0.02, 0.2]),
    tickMs: rng.pick([0, 0, 0, 20, 1000]),
  }
}

export interface Faults {
  readonly world: World
  /** Whether a layout of few nodes is on its way, of which nobody knows yet. */
  readonly isShrinking: () => boolean
  readonly nodes: readonly SimulatedNode[]
  readonly forecast: Forecast
}

/** Lets one fault strike now. @returns its name, or undefined when there was nothing to strike */
export function strike(faults: Faults): string | undefined {
  const { world, nodes, forecast } = faults
  const { rng } = world
  const node = rng.pick(nodes)
  const kind = rng.pick(forecast.kinds)
  const isDone = strikeNode(faults, kind, node)
  if (!isDone) return undefined
  world.note(kind)
  return `${kind} ${node.index}`
}

function strikeNode(faults: Faults, kind: FaultKind, node: SimulatedNode): boolean {
  const { world, nodes } = faults
  const { rng } = world
  const { present } = node
  if (present === undefined) return false
  if (HIDES.has(kind) && isRemembered(nodes)) return false
  switch (kind) {
    case 'kill':
    case 'power':
      node.crash(kind)
      restart(faults, node)
      return true
    case 'blackout':
      for (const each of nodes.filter((other) => other.present !== undefined)) {
        each.crash('power')
        restart(faults, each)
      }
      return true
    case 'stop':
      if (present.product === undefined) return false
      void node.stop().then(() => restart(faults, node))
      return true
    case 'freeze':
      present.life.freeze()
      hide(world, 20 + rng.unit() * faults.forecast.freezeMs, () => present.life.thaw())
      return true
    case 'cut':
    case 'split':
      return separate(faults, kind, node)
    case 'jump':
      present.life.jump(Math.round((rng.unit() - 0.5) * 8_000_000))
      return true
    case 'wipe':
      return loseRows(faults, node)
    default:
      return spoilDrive(faults, kind, node)
  }
}

type DriveFault = Extract<FaultKind, 'full' | 'rot' | 'unreadable' | 'unsynced'>

function spoilDrive(faults: Faults, kind: DriveFault, node: SimulatedNode): boolean {
  const { world, nodes } = faults
  if (kind === 'rot') return rotOne(nodes)
  if (kind !== 'full') return failDrive(faults, kind, node)
  node.disk.isFull = true
  world.after(500 + world.rng.unit() * 3000, () => {
    node.disk.isFull = false
  })
  return true
}

/** EIO: of one sync, or of reads for a while; those of the metadata files come at the next start. */
function failDrive(faults: Faults, kind: 'unreadable' | 'unsynced', node: SimulatedNode): boolean {
  const { world } = faults
  const { disk } = node
  if (kind === 'unsynced') {
    disk.unsyncable = world.rng.pick(SYNCED_FILES)
    return true
  }
  disk.unreadable = world.rng.pick([SEGMENT_FILE, METADATA_FILE])
  if (disk.unreadable === METADATA_FILE) {
    node.crash('kill')
    restart(faults, node)
  }
  world.after(200 + world.rng.unit() * 4000, () => {
    disk.unreadable = undefined
  })
  return true
}

/**
 * One drive in the world goes bad: the copies on the others are what must save the day. Not in a
 * run that loses rows, whose blocks nothing names any more: two copies of a block may be all.
 */
function rotOne(nodes: readonly SimulatedNode[]): boolean {
  if (!hasCopies(nodes) || nodes.some(({ hasLostRows }) => hasLostRows)) return false
  if (nodes.some(({ hasBeenAway }) => hasBeenAway)) return false
  const [first] = nodes as [SimulatedNode]
  // One that starts cannot be asked who else has its blocks, and may be the only one.
  if (first.product === undefined) return false
  if (!first.disk.rot(SEGMENT_FILE)) return false
  first.hasRotted = true
  return true
}

/** Whether every partition has copies on several drives, wherever somebody knows of a layout. */
function hasCopies(nodes: readonly SimulatedNode[]): boolean {
  const histories = nodes.flatMap(({ product }) => product?.layout?.members.history() ?? [])
  return nodes.length >= 3 && histories.every(isRedundant)
}

function isRedundant({ active }: LayoutHistory): boolean {
  return active.every(({ factor }) => factor > 1)
}

/** Whether there is another node, in every layout, which could let one in again. */
function letsIn({ active }: LayoutHistory): boolean {
  return active.every(({ storage }) => storage.length > 1)
}

/**
 * Once in a run, and only where every partition has other copies, all of them good. Everything of a
 * node is put back only while the others are there to remember it.
 */
function loseRows(faults: Faults, node: SimulatedNode): boolean {
  const { nodes, world } = faults
  if (!mayLoseRows(faults, node) || nodes.some(({ hasBeenAway }) => hasBeenAway)) return false
  if (world.rng.chance(0.4)) node.wipe()
  else {
    // Who came up since remembers what it had written down, which may be ten seconds old; and who
    // could not be reached, or whose network ended with a stop, was told nothing.
    const reachedMs = (world.now - world.reachedAt) / 1000
    const hears = ({ isStopping }: SimulatedNode, upMs: number): boolean =>
      !isStopping && Math.min(upMs, reachedMs) >= COPY_MS_MIN
    const isSeen = nodes.every((each) => hears(each, each.upMs()))
    const what = isSeen && world.rng.chance(0.6) ? 'everything' : 'rows'
    if (!node.rollBack(what)) return false
    node.mustBeRemembered = what === 'everything'
  }
  node.hasLostRows = true
  restart(faults, node)
  return true
}

/**
 * A node that stores is away: its process has ended, or sleeps, or its database is gone. Once in a run; not in one that loses rows or bits,
 * where its copies may be the last ones.
 *
 * @returns lets it be back; undefined where now is no time for it
 */
export function depart(faults: Faults): Departed | undefined {
  const { world, nodes } = faults
  const node = world.rng.pick(nodes)
  const { present } = node
  const history = present?.product?.layout?.members.history()
  if (present === undefined || history === undefined || node.isStopping) return undefined
  const { storage } = newestLayout(history)
  if (!storage.includes(node.id) || storage.length < STORING_MIN) return undefined
  if (nodes.some(isSpoilt)) return undefined
  const how = world.rng.pick(['killed', 'asleep', 'gone'] as const)
  const isGone = how === 'gone'
  if (isGone && !mayLoseRows(faults, node)) return undefined
  node.hasBeenAway = true
  if (how === 'asleep') {
    present.life.freeze()
    return { node, isGone, come: () => present.life.thaw() }
  }
  node.hasLostRows = isGone
  if (isGone) node.wipe()
  else node.crash('kill')
  return { node, isGone, come: () => node.present ?? node.start() }
}

export interface Departed {
  readonly node: SimulatedNode
  /** Its database never comes back. */
  readonly isGone: boolean
  readonly come: () => void
}

function mayLoseRows({ nodes, isShrinking }: Faults, node: SimulatedNode): boolean {
  const history = node.product?.layout?.members.history()
  // After it the node knows what it had written down.
  const kept = node.keptHistory()
  if (history === undefined || kept === undefined || isShrinking()) return false
  if (![history, kept].every(isRedundant)) return false
  const known = nodes.flatMap(({ product }) => product?.layout?.members.history() ?? [])
  return [...known, kept].every(letsIn) && !nodes.some(isSpoilt)
}

function isSpoilt({ hasLostRows, hasRotted }: SimulatedNode): boolean {
  return hasLostRows || hasRotted
}

/** Ends by `mend` that somebody cannot be reached. */
function hide(world: World, ms: number, mend: () => void): void {
  world.reachedAt = Math.max(world.reachedAt, world.now + ms * 1000)
  world.after(ms, mend)
}

/**
 * Whether an old copy of everything lies somewhere that was not noticed yet: what the others know of
 * it they keep in memory, and write down every ten seconds only (decision 0055).
 */
function isRemembered(nodes: readonly SimulatedNode[]): boolean {
  const old = nodes.find(({ mustBeRemembered }) => mustBeRemembered)
  if (old === undefined) return false
  const histories = nodes.flatMap(({ product }) => product?.layout?.members.history() ?? [])
  return histories.every((history) => !((history.nodes.get(old.id)?.readmittedAt ?? 0) > 0))
}

function restart({ world, forecast }: Faults, node: SimulatedNode): void {
  const { rng } = world
  const downMs = forecast.restartMs ?? rng.pick([1, 50, 1000, 4000])
  world.after(downMs * (0.5 + rng.unit()), () => {
    if (node.present === undefined) node.start()
  })
}

/** Nothing passes between two nodes any more, one way (`cut`) or both (`split`). */
function separate({ world, nodes }: Faults, kind: 'cut' | 'split', node: SimulatedNode): boolean {
  const { rng } = world
  const other = rng.pick(nodes)
  if (other === node) return false
  const pairs = [`${node.id} ${other.id}`]
  if (kind === 'split') pairs.push(`${other.id} ${node.id}`)
  for (const pair of pairs) world.cuts.add(pair)
  hide(world, 100 + rng.unit() * 4000, () => {
    for (const pair of pairs) world.cuts.delete(pair)
  })
  return true
}
