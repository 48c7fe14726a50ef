/**
 * The way out where a quorum is gone and will not come back: nodes are given up for good, and those
 * that survive go on with what they hold. Pure.
 *
 * The new layout has the survivors own what they owned. A change was chosen by a quorum of the old
 * owners: so a list of new owners is made such that each of its quorums meets whatever is left of
 * any old quorum. Where that takes more than a majority of the survivors, the list has vacant places.
 */

import { nodeId, type NodeId } from '../../base/ids.ts'
import { LAYOUTS_FORMER_MAX } from '../../base/limits.ts'
import { PARTITION_COUNT, quorumOf } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import {
  newcomer,
  newestLayout,
  nothingStaged,
  readLayout,
  storageOf,
  type LayoutHistory,
  type Progress,
} from './history.ts'
import { countPartitions, ownersIn, placesOf, type Layout, type Role } from './layout.ts'

/** Above what those that are given up may have agreed on meanwhile, cut off from the survivors. */
const REVISIONS_PASSED = 1_000

export interface GiveUpRequest {
  readonly givenUp: readonly NodeId[]
  /** Partitions without a whole copy, as an operator was told: they are given up too. */
  readonly lost: number
  /** Of the layout that this makes: so that what was done is not done again. */
  readonly version: number
}

/** What is left without the nodes that are given up. */
export interface Remains {
  readonly survivors: readonly NodeId[]
  /** Partitions that keep all copies, some of them, no whole one. */
  readonly whole: number
  readonly fewer: number
  readonly lost: number
}

interface Remainder {
  /** Empty where nothing is left. */
  readonly owners: readonly NodeId[]
  readonly kind: 'whole' | 'fewer' | 'lost'
}

/**
 * What would be left.
 *
 * @throws {ClusterError} `UnknownNode` when one of them does not store, or nobody would be left;
 *   `CannotAssign` when one that was declared lost would be left
 */
export function remainsWithout(history: LayoutHistory, givenUp: readonly NodeId[]): Remains {
  const { survivors, remainders } = judge(history, givenUp)
  const count = (wanted: Remainder['kind']): number =>
    remainders.filter(({ kind }) => kind === wanted).length
  return { survivors, whole: count('whole'), fewer: count('fewer'), lost: count('lost') }
}

/** Whether `giveUp` was done with this request: a second attempt after one that was cut off. */
export function isGivenUp(history: LayoutHistory, { givenUp, version }: GiveUpRequest): boolean {
  const stored = storageOf(history)
  return newestLayout(history).version === version && !givenUp.some((node) => stored.has(node))
}

/**
 * The history after it: one newer layout, so a newer epoch, in which the survivors own what they
 * owned. What the others know is an old epoch then: they are refused, learn this one and throw
 * their rows away.
 *
 * @throws {ClusterError} as `remainsWithout`; `WrongVersion`; `CannotAssign` when not as many
 *   partitions are lost as the request says
 */
export function giveUp(history: LayoutHistory, request: GiveUpRequest): LayoutHistory {
  const newest = newestLayout(history)
  const version = newest.version + 1
  if (request.version !== version) {
    throw new ClusterError(
      'WrongVersion',
      `Cannot give up nodes with layout ${request.version}: the next one is ${version}`,
      { details: { next: version } },
    )
  }
  const { survivors, remainders } = judge(history, request.givenUp)
  const lost = remainders.filter(({ kind }) => kind === 'lost').length
  if (lost !== request.lost) {
    throw cannot(`${lost} partitions have no whole copy on the nodes that are left`)
  }
  const layout = layoutOf(history, survivors, remainders)
  const readmissions = history.readmissions + REVISIONS_PASSED
  const former = history.active.map((one) => ({
    version: one.version,
    storageNodes: one.storage.length,
    gatewayNodes: one.roles.size - one.storage.length,
  }))
  return {
    ...{ clusterId: history.clusterId, revision: history.revision + REVISIONS_PASSED },
    ...{ readmissions, movedAt: readmissions, changedAt: readmissions, readVersion: version },
    active: [layout],
    former: [...former.reverse(), ...history.former].slice(0, LAYOUTS_FORMER_MAX),
    // As many copies as before, with the next layout.
    staged: { ...nothingStaged, factor: history.staged.factor ?? newest.factor },
    nodes: progressIn(history, layout),
  }
}

/**
 * The fewest owners, all that are kept among them, of whom a quorum has at least `wanted`: filled
 * up with vacant places, which nobody has, so nobody can vote for them.
 */
export function filledUp(kept: readonly NodeId[], wanted: number): readonly NodeId[] {
  const owners = [...kept]
  while (quorumOf(owners) < wanted) owners.push(vacant(owners.length - kept.length + 1))
  return owners
}

const VACANT = /^0{62}(?!00)/

/** Whether it is a vacant place, and no node. */
export function isVacant(node: NodeId): boolean {
  return VACANT.test(node)
}

/** Nodes that store in any active layout: no vacant places. */
export function storingNodes(history: LayoutHistory): readonly NodeId[] {
  return [...storageOf(history)].filter((node) => !isVacant(node))
}

/** Nodes that store or have a role in any active layout: no vacant places. */
export function nodesOf(history: LayoutHistory): readonly NodeId[] {
  return [...history.nodes.keys()].filter((node) => !isVacant(node))
}

/**
 * Copies of partitions that are wanted and that no node has, since nodes were given up: as many as
 * reads lack. None without vacant places, where fewer copies are what the layout says.
 */
export function missingCopies(history: LayoutHistory): number {
  if (storingNodes(history).length === storageOf(history).size) return 0
  const wanted = history.staged.factor ?? newestLayout(history).factor
  const read = readLayout(history)
  let missing = 0
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    const owners = ownersIn(read, partition).filter((node) => !isVacant(node))
    missing += Math.max(0, wanted - owners.length)
  }
  return missing
}

/** No key of a node has such an id. */
function vacant(number: number): NodeId {
  return nodeId(number.toString(16).padStart(64, '0'))
}

function judge(
  history: LayoutHistory,
  givenUp: readonly NodeId[],
): { readonly survivors: readonly NodeId[]; readonly remainders: readonly Remainder[] } {
  const stored = storageOf(history)
  // With whom a place was left vacant is given up already.
  const given = new Set([...givenUp, ...[...stored].filter(isVacant)])
  const stranger = givenUp.find((node) => !stored.has(node))
  if (stranger !== undefined || givenUp.length === 0) {
    const why = stranger === undefined ? 'none is named' : `node "${stranger}" does not store`
    throw new ClusterError('UnknownNode', `Cannot give up nodes: ${why}`)
  }
  const survivors = [...stored].filter((node) => !given.has(node)).sort()
  if (survivors.length === 0) {
    throw new ClusterError('UnknownNode', 'Cannot give up nodes: no node that stores is left')
  }
  const lost = survivors.find((node) => history.nodes.get(node)!.isLost)
  if (lost !== undefined) throw cannot(`node "${lost}" was declared lost: name it too`)
  const remainders = Array.from({ length: PARTITION_COUNT }, (_, partition) =>
    remainderOf(history, given, partition),
  )
  return { survivors, remainders }
}

function remainderOf(
  history: LayoutHistory,
  given: ReadonlySet<NodeId>,
  partition: number,
): Remainder {
  const isKept = (node: NodeId): boolean => !given.has(node)
  const read = ownersIn(readLayout(history), partition)
  const kept = read.filter(isKept)
  const quorum = quorumOf(read)
  if (kept.length >= quorum) {
    // As many as miss none of what is left of a quorum.
    const owners = filledUp(kept, read.length - quorum + 1)
    return { owners, kind: kept.length === read.length ? 'whole' : 'fewer' }
  }
  // Any one may be the last that holds a change: those too that were about to gain the partition.
  const lists = history.active.map((layout) => ({
    isWhole: layout.version <= history.readVersion,
    owners: ownersIn(layout, partition).filter(isKept),
  }))
  const holders = [...new Set(lists.flatMap(({ owners }) => owners))]
  const isAnyWhole = lists.some(({ isWhole, owners }) => isWhole && owners.length > 0)
  return { owners: filledUp(holders, holders.length), kind: isAnyWhole ? 'fewer' : 'lost' }
}

function layoutOf(
  history: LayoutHistory,
  survivors: readonly NodeId[],
  remainders: readonly Remainder[],
): Layout {
  const { version, factor, zoneSpread } = newestLayout(history)
  const owners = remainders.map((remainder, partition) =>
    remainder.owners.length > 0 ? remainder.owners : turn(survivors, partition, factor),
  )
  const width = Math.max(...owners.map(({ length }) => length))
  const storage = [...new Set([...survivors, ...owners.flat()])].sort()
  const layout: Layout = {
    ...{ version: version + 1, factor: width, zoneSpread, storage },
    roles: rolesOf(history, survivors),
    // A place that names an owner again counts once.
    places: placesOf(
      storage,
      owners.map((list) => Array.from({ length: width }, (_, copy) => list[copy % list.length]!)),
    ),
    partitionBytes: 0,
  }
  const sizes = survivors.map((node) => {
    const { capacityBytes = 0 } = layout.roles.get(node)!
    return Math.floor(capacityBytes / Math.max(1, countPartitions(layout, node)))
  })
  return { ...layout, partitionBytes: Math.min(...sizes) }
}

/** Owners of a partition of which nothing is left. */
function turn(survivors: readonly NodeId[], partition: number, factor: number): readonly NodeId[] {
  const { length } = survivors
  return Array.from(
    { length: Math.min(factor, length) },
    (_, copy) => survivors[(partition + copy) % length]!,
  )
}

/** The newest by which each stores, and the gateways. */
function rolesOf(history: LayoutHistory, survivors: readonly NodeId[]): Layout['roles'] {
  const roles = new Map<NodeId, Role>()
  for (const [node, role] of newestLayout(history).roles) {
    if (role.capacityBytes === undefined) roles.set(node, role)
  }
  for (const node of survivors) {
    const layout = history.active.findLast(({ storage }) => storage.includes(node))!
    roles.set(node, layout.roles.get(node)!)
  }
  return new Map([...roles].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function progressIn(
  history: LayoutHistory,
  { storage, roles }: Layout,
): ReadonlyMap<NodeId, Progress> {
  const nodes = new Map<NodeId, Progress>()
  for (const node of new Set([...roles.keys(), ...storage])) {
    const known = history.nodes.get(node)
    nodes.set(node, known === undefined ? vacancy : { ...known, skippedTo: 0 })
  }
  return nodes
}

/** Nothing is waited for. */
const vacancy: Progress = { ...newcomer, isLost: true }

function cannot(why: string): ClusterError {
  return new ClusterError('CannotAssign', `Cannot give up nodes: ${why}`)
}
