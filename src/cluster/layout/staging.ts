/** From wishes to the next layout: stage, preview, apply, revert. Pure. */

import type { NodeId } from '../../base/ids.ts'
import {
  LAYOUT_NODES_MAX,
  LAYOUTS_ACTIVE_MAX,
  NODE_CAPACITY_BYTES_MIN,
  NODE_TAGS_MAX,
  REPLICATION_FACTOR_MAX,
  ROLE_TEXT_CHARS_MAX,
} from '../../base/limits.ts'
import { PARTITION_COUNT, quorumOf } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import { assignPartitions } from './assignment.ts'
import {
  newcomer,
  newestLayout,
  nothingStaged,
  revised,
  type LayoutHistory,
  type Staged,
} from './history.ts'
import {
  allOwners,
  ownersIn,
  placesOf,
  storageNodes,
  type Layout,
  type Role,
  type ZoneSpread,
} from './layout.ts'

/** Wishes that join those that are staged already. What is absent stays as it is. */
export interface StageRequest {
  /** Undefined removes the node's role. */
  readonly roles?: ReadonlyMap<NodeId, Role | undefined>
  readonly zoneSpread?: ZoneSpread
  readonly factor?: number
}

/** @throws {ClusterError} `InvalidRole` */
export function stage(history: LayoutHistory, request: StageRequest): LayoutHistory {
  return revised(history, { staged: stageInto(history.staged, request) })
}

/** @throws {ClusterError} `InvalidRole` */
export function stageInto(staged: Staged, request: StageRequest): Staged {
  const { zoneSpread, factor } = request
  const roles = new Map(staged.roles)
  for (const [node, role] of request.roles ?? []) {
    if (role !== undefined) checkRole(node, role)
    roles.set(node, role)
  }
  if (roles.size > LAYOUT_NODES_MAX) {
    throw invalid(`${roles.size} roles are staged, at most ${LAYOUT_NODES_MAX} can be`)
  }
  if (zoneSpread !== undefined && zoneSpread !== 'maximum') checkCount('zones', zoneSpread)
  if (factor !== undefined) checkCount('copies', factor)
  return {
    roles,
    zoneSpread: zoneSpread ?? staged.zoneSpread,
    factor: factor ?? staged.factor,
  }
}

export function revert(history: LayoutHistory): LayoutHistory {
  return revised(history, { staged: nothingStaged })
}

/** What a node gets and gives away. */
export interface NodeMoves {
  readonly node: NodeId
  /** Partitions that come, and those that go. */
  readonly gained: number
  readonly given: number
  readonly gainedBytes: number
}

export interface Preview {
  readonly layout: Layout
  /** Nodes that gain or give anything, in the order of their ids. */
  readonly moves: readonly NodeMoves[]
  /** Copies of partitions that are made, and what lies in them. */
  readonly copies: number
  readonly bytes: number
}

/**
 * The layout that `apply` would make, and what would move.
 *
 * @param bytesOf bytes of one copy of a partition
 * @throws {ClusterError} as `apply`
 */
export function preview(history: LayoutHistory, bytesOf: (partition: number) => number): Preview {
  const layout = nextLayout(history)
  return { layout, ...movesBetween(newestLayout(history), layout, bytesOf) }
}

/**
 * Makes the staged changes the newest layout; older ones stay active until it can be read.
 *
 * @param version must be the next one: so of two that apply at once one is refused
 * @throws {ClusterError} `WrongVersion`, `NothingStaged`, `CannotAssign`, `InvalidRole`
 */
export function apply(history: LayoutHistory, version: number): LayoutHistory {
  const newest = newestLayout(history)
  if (version !== newest.version + 1) {
    throw new ClusterError(
      'WrongVersion',
      `Cannot apply layout ${version}: the next one is ${newest.version + 1}`,
      { details: { next: newest.version + 1 } },
    )
  }
  const layout = nextLayout(history)
  const nodes = new Map(history.nodes)
  for (const node of layout.roles.keys()) nodes.set(node, nodes.get(node) ?? newcomer)
  const active = [...history.active, layout]
  const isFirst = newest.version === history.readVersion
  const changedAt = isFirst ? history.readmissions : history.changedAt
  return revised(history, { active, nodes, changedAt, staged: nothingStaged })
}

/**
 * The first layout of nodes that have none, with nothing to move.
 *
 * @throws {ClusterError} `NothingStaged`, `CannotAssign`, `InvalidRole`
 */
export function firstHistory(
  staged: Staged,
  options: { readonly clusterId: string; readonly factor: number },
): LayoutHistory {
  const request = { roles: withStaged(new Map(), staged), factor: staged.factor ?? options.factor }
  checkAnyStaged(staged)
  const layout = makeLayout(1, { ...request, zoneSpread: staged.zoneSpread ?? 'maximum' })
  const complete = { ...newcomer, ack: 1, sync: 1, syncAck: 1 }
  return {
    ...{ clusterId: options.clusterId, revision: 1, readVersion: 1 },
    ...{ readmissions: 0, movedAt: 0, changedAt: 0 },
    active: [layout],
    former: [],
    staged: nothingStaged,
    nodes: new Map([...layout.roles.keys()].map((node) => [node, complete])),
  }
}

/** Gains and losses of each node between two layouts. */
function movesBetween(
  before: Layout,
  after: Layout,
  bytesOf: (partition: number) => number,
): Omit<Preview, 'layout'> {
  const byNode = new Map<NodeId, { gained: number; given: number; gainedBytes: number }>()
  const of = (node: NodeId): { gained: number; given: number; gainedBytes: number } => {
    const found = byNode.get(node) ?? { gained: 0, given: 0, gainedBytes: 0 }
    byNode.set(node, found)
    return found
  }
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    const was = ownersIn(before, partition)
    const is = ownersIn(after, partition)
    for (const node of was) if (!is.includes(node)) of(node).given += 1
    for (const node of is) {
      if (was.includes(node)) continue
      const moves = of(node)
      moves.gained += 1
      moves.gainedBytes += bytesOf(partition)
    }
  }
  const moves = [...byNode]
    .map(([node, counts]) => ({ node, ...counts }))
    .sort((a, b) => (a.node < b.node ? -1 : 1))
  return {
    moves,
    copies: moves.reduce((sum, { gained }) => sum + gained, 0),
    bytes: moves.reduce((sum, { gainedBytes }) => sum + gainedBytes, 0),
  }
}

function nextLayout(history: LayoutHistory): Layout {
  const { active, staged } = history
  checkAnyStaged(staged)
  if (active.length >= LAYOUTS_ACTIVE_MAX) {
    throw new ClusterError(
      'WrongVersion',
      `Cannot apply a layout: ${active.length} are active, wait until the older ones retire`,
    )
  }
  const newest = newestLayout(history)
  const alone = newest.version === 0 ? newest.storage[0] : undefined
  if (alone !== undefined && !staged.roles.has(alone)) {
    throw invalid(
      `node "${alone}", which has held everything until now, has no role: give it one, or remove it`,
    )
  }
  const layout = makeLayout(newest.version + 1, {
    roles: withStaged(newest.roles, staged),
    factor: staged.factor ?? newest.factor,
    zoneSpread: staged.zoneSpread ?? newest.zoneSpread,
    previous: newest,
  })
  checkVotes(history, layout)
  return layout
}

/** A node that is lost votes again only once the others let it in: they must be a quorum. */
function checkVotes(history: LayoutHistory, { version, storage }: Layout): void {
  const lost = storage.filter((node) => history.nodes.get(node)?.isLost === true)
  if (storage.length - lost.length >= quorumOf(storage)) return
  throw new ClusterError(
    'CannotAssign',
    `Cannot make layout ${version}: of the ${storage.length} nodes that would store, ` +
      `${lost.map((node) => `"${node}"`).join(' and ')} ${lost.length === 1 ? 'is' : 'are'} lost, ` +
      'and the others are no quorum, which a layout needs to be read; remove what is lost too, ' +
      'or start it and wait until it was let in again',
    { details: { lost } },
  )
}

function makeLayout(
  version: number,
  request: Pick<Layout, 'roles' | 'factor' | 'zoneSpread'> & { readonly previous?: Layout },
): Layout {
  const { roles, factor, zoneSpread, previous } = request
  if (roles.size > LAYOUT_NODES_MAX) {
    throw invalid(`${roles.size} nodes have a role, at most ${LAYOUT_NODES_MAX} can`)
  }
  const nodes = storageNodes(roles)
  const { owners, partitionBytes } = assignPartitions({
    ...{ nodes, factor, zoneSpread },
    ...(previous === undefined ? {} : { previous: allOwners(previous) }),
  })
  const storage = nodes.map(({ id }) => id as NodeId)
  const places = placesOf(storage, owners)
  return { version, factor, zoneSpread, roles, storage, places, partitionBytes }
}

function withStaged(roles: ReadonlyMap<NodeId, Role>, staged: Staged): ReadonlyMap<NodeId, Role> {
  const merged = new Map(roles)
  for (const [node, role] of staged.roles) {
    if (role === undefined) merged.delete(node)
    else merged.set(node, role)
  }
  return new Map([...merged].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function checkAnyStaged({ roles, zoneSpread, factor }: Staged): void {
  if (roles.size > 0 || zoneSpread !== undefined || factor !== undefined) return
  throw new ClusterError('NothingStaged', 'Cannot make a layout: nothing is staged')
}

function checkRole(node: NodeId, { zone, capacityBytes, tags }: Role): void {
  const where = `the role of node "${node}"`
  if (!isShortText(zone)) {
    throw invalid(`${where} has the zone "${zone}", wanted 1 to ${ROLE_TEXT_CHARS_MAX} characters`)
  }
  if (
    capacityBytes !== undefined &&
    !(Number.isSafeInteger(capacityBytes) && capacityBytes >= NODE_CAPACITY_BYTES_MIN)
  ) {
    throw invalid(
      `${where} has a capacity of ${capacityBytes}, wanted at least ${NODE_CAPACITY_BYTES_MIN} bytes`,
    )
  }
  if (tags.length > NODE_TAGS_MAX || !tags.every(isShortText)) {
    throw invalid(
      `${where} has ${tags.length} tags, wanted at most ${NODE_TAGS_MAX} of 1 to ${ROLE_TEXT_CHARS_MAX} characters`,
    )
  }
}

function isShortText(text: string): boolean {
  return text.length > 0 && text.length <= ROLE_TEXT_CHARS_MAX
}

function checkCount(what: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 1 && count <= REPLICATION_FACTOR_MAX) return
  throw invalid(`${count} ${what} are wished for, wanted 1 to ${REPLICATION_FACTOR_MAX}`)
}

function invalid(why: string): ClusterError {
  return new ClusterError('InvalidRole', `Cannot make a layout: ${why}`)
}
