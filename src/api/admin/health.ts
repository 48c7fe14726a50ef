/** How well the cluster is, from the viewpoint of this node. */

import type { NodeId } from '../../base/ids.ts'
import { isBlockDriveFull } from '../../base/drive-room.ts'
import { METADATA_RESERVE_BYTES, METADATA_UPLOADS_BYTES } from '../../base/limits.ts'
import { CLOCK_REFUSAL_MICROS, clocksApart, type ToldClock } from '../../base/timestamp.ts'
import { PARTITION_COUNT } from '../../cluster/cluster.ts'
import { missingCopies, nodesOf, storingNodes } from '../../cluster/layout/giving-up.ts'
import { storageOf, type LayoutHistory } from '../../cluster/layout/history.ts'
import type { Members } from '../../cluster/members.ts'
import type { Layout } from '../../cluster/layout/layout.ts'
import { countServed, isChangeable, type Served } from '../../cluster/served.ts'
import { upNodes, type LayoutContext } from '../../store/layout/layout.ts'
import type { ClusterHealthAnswer } from './answers.ts'
import type { AskedCard, NodePeers, NodeView } from './operation.ts'

/** What health is judged by; an `AdminContext` is one. */
export interface HealthContext {
  readonly node: Pick<NodeView, 'id' | 'condition' | 'card'> & {
    readonly peers: Pick<NodePeers, 'card'>
  }
  readonly layout: Pick<LayoutContext, 'network'> & {
    readonly members: Pick<Members, 'self' | 'history'>
  }
}

export async function healthOf(context: HealthContext): Promise<ClusterHealthAnswer> {
  const { node, layout } = context
  const history = layout.members.history()
  const isServing = node.condition().kind === 'serving'
  const up = new Set(upNodes(layout))
  const known = new Set([...layout.network.peers().map((peer) => peer.node), ...up])
  const storage = history === undefined ? [] : storingNodes(history)
  for (const id of history === undefined ? [] : nodesOf(history)) known.add(id)
  if (!isServing) up.delete(node.id)
  const cards = await cardsOf(context, up)
  const apart = clocksApart(toldClocks(cards))
  const isRefused = apart.some(isRefusal)
  // Whatever this node asks of a clock that it refuses, or that refuses its own, is not answered.
  const mute = withoutVotes(voteless(cards), toldClocks(cards).filter(isRefusal))
  const partitions = servedBy(context, up, mute)
  const isWell = (id: NodeId): boolean => up.has(id) && !mute.has(id)
  const well = storage.filter(isWell).length
  const drivesFull = fullDrives(cards)
  const isAllThere = partitions.all === PARTITION_COUNT && well === storage.length
  const isWhole = isAllThere && !isRefused && drivesFull.length === 0
  const isServed = isServing && partitions.quorum === PARTITION_COUNT
  return {
    status: !isServed ? 'unavailable' : isWhole ? 'healthy' : 'degraded',
    knownNodes: known.size,
    connectedNodes: new Set([...up, node.id]).size,
    storageNodes: node.condition().kind === 'waiting' ? 0 : storage.length,
    storageNodesOk: well,
    storageNodesUp: well,
    partitions: PARTITION_COUNT,
    partitionsQuorum: partitions.quorum,
    partitionsAllOk: partitions.all,
    ...(apart.length === 0 ? {} : { clocksApart: apart.map(clockAnswer) }),
    ...(drivesFull.length === 0 ? {} : { drivesFull }),
    ...lackOf(history),
  }
}

function clockAnswer({ node, aheadMs }: ToldClock<NodeId>): { id: string; aheadMs: number } {
  return { id: node, aheadMs }
}

function lackOf(history: LayoutHistory | undefined): Pick<ClusterHealthAnswer, 'copiesMissing'> {
  const copiesMissing = history === undefined ? 0 : missingCopies(history)
  return copiesMissing === 0 ? {} : { copiesMissing }
}

/** With less room a node takes no uploads, or soon no more blocks: it says so below its table too. */
function fullDrives(cards: Cards): NonNullable<ClusterHealthAnswer['drivesFull']> {
  return [...cards].flatMap(([id, { data, metadata }]) => [
    ...((metadata?.availableBytes ?? Infinity) < METADATA_UPLOADS_BYTES
      ? [{ id, holds: 'rows' as const }]
      : []),
    ...(data !== null && isBlockDriveFull(data) ? [{ id, holds: 'blocks' as const }] : []),
  ])
}

/** Partitions that have a quorum. */
export interface ServedWithout {
  readonly quorum: number
  /** Those that have one now of nodes with room on their drives, and would not have it then. */
  readonly roomLost: number
}

/** What is served while `node` is down, beside those that are down now. */
export async function servedWithout(context: HealthContext, node: NodeId): Promise<ServedWithout> {
  const now = new Set(upNodes(context.layout))
  const cards = await cardsOf(context, now)
  // The others agree among themselves, not with the one that stops: its clock may be the wrong one.
  const told = toldClocks(cards).filter((one) => one.node !== node)
  const mute = withoutVotes(voteless(cards), clocksApart(told).filter(isRefusal))
  const others = new Set([...now].filter((id) => id !== node))
  const isRoomy = (id: NodeId): boolean => hasRoom(cards.get(id))
  const roomy = (up: ReadonlySet<NodeId>): number =>
    servedBy(context, new Set([...up].filter(isRoomy)), mute).quorum
  return {
    quorum: servedBy(context, others, mute).quorum,
    roomLost: Math.max(0, roomy(now) - roomy(others)),
  }
}

/** What a layout would take away, as long as those nodes are down or have no vote. */
export interface Unserved {
  /** Those that have a quorum now, and would have none. */
  readonly partitions: number
  /** Of the nodes that would store. */
  readonly away: readonly NodeId[]
}

/** Undefined where everything that is served now would go on to be. */
export async function unservedWith(
  context: HealthContext,
  layout: Layout,
): Promise<Unserved | undefined> {
  const history = context.layout.members.history()
  if (history === undefined) return undefined
  const up = new Set(upNodes(context.layout))
  const mute = voteless(await cardsOf(context, up))
  const counts = (id: NodeId, partition: number): boolean => isAsked(id, partition, { up, mute })
  const next = { ...history, active: [...history.active, layout] }
  const partitions = countServed(history, counts).quorum - countServed(next, counts).quorum
  if (partitions <= 0) return undefined
  return { partitions, away: layout.storage.filter((id) => !up.has(id) || mute.has(id)) }
}

/** Whether a node takes rows and blocks, as far as it says: reads it serves with a full drive too. */
function hasRoom({ data, metadata }: Partial<AskedCard> = {}): boolean {
  const areRowsTaken = (metadata?.availableBytes ?? Infinity) >= METADATA_RESERVE_BYTES
  return areRowsTaken && (data === undefined || data === null || !isBlockDriveFull(data))
}

/** Nodes of the layout that can be asked, and those of them that lost rows; are there quorums. */
export interface Standing {
  readonly up: ReadonlySet<NodeId>
  readonly mute: ReadonlySet<NodeId>
  /** Of every partition and of the register of the layout. */
  readonly hasQuorums: boolean
}

export async function standingOf(context: HealthContext): Promise<Standing> {
  const { layout } = context
  const history = layout.members.history()
  const up = new Set(upNodes(layout))
  const mute = voteless(await cardsOf(context, up))
  const isRegisterServed =
    history !== undefined && isChangeable(history, (id) => up.has(id) && !mute.has(id))
  const served = servedBy(context, up, mute).quorum === PARTITION_COUNT
  return { up, mute: new Set(mute.keys()), hasQuorums: served && isRegisterServed }
}

type Mute = ReadonlyMap<NodeId, ReadonlySet<number>>

const EVERY_PARTITION: ReadonlySet<number> = new Set(Array(PARTITION_COUNT).keys())

function servedBy({ layout }: HealthContext, up: ReadonlySet<NodeId>, mute: Mute): Served {
  const history = layout.members.history()
  return countServed(history, (id, partition) => isAsked(id, partition, { up, mute }))
}

function isAsked(
  id: NodeId,
  partition: number,
  { up, mute }: { readonly up: ReadonlySet<NodeId>; readonly mute: Mute },
): boolean {
  return up.has(id) && mute.get(id)?.has(partition) !== true
}

type Cards = ReadonlyMap<NodeId, AskedCard>

/** Of those that store and are up, and with them of this node; not of one that says nothing. */
async function cardsOf({ node, layout }: HealthContext, up: ReadonlySet<NodeId>): Promise<Cards> {
  const history = layout.members.history()
  const cards = new Map<NodeId, AskedCard>()
  const asked = history === undefined ? [] : [...storageOf(history)].filter((id) => up.has(id))
  const ids = asked.length === 0 ? [] : [...new Set([node.id, ...asked])]
  const asking = ids.map(async (id) => {
    const own = async (): Promise<AskedCard> => ({ ...(await node.card()), clockAheadMs: 0 })
    const card = await (id === node.id ? own() : node.peers.card(id)).catch(() => undefined)
    if (card !== undefined) cards.set(id, card)
  })
  await Promise.all(asking)
  return cards
}

/** The nodes that lost rows, by their own word. One that says nothing is taken for whole. */
function voteless(cards: Cards): Mute {
  const mute = new Map<NodeId, ReadonlySet<number>>()
  for (const [id, { voteless: partitions = [] }] of cards) {
    if (partitions.length > 0) mute.set(id, new Set(partitions))
  }
  return mute
}

/** The same, and nodes whose messages are refused anywhere. */
function withoutVotes(mute: Mute, refused: readonly ToldClock<NodeId>[]): Mute {
  return new Map([...mute, ...refused.map(({ node }) => [node, EVERY_PARTITION] as const)])
}

/** Whether nodes with clocks so far apart refuse each other's messages. */
function isRefusal({ aheadMs }: ToldClock<NodeId>): boolean {
  return Math.abs(aheadMs) * 1000 > CLOCK_REFUSAL_MICROS
}

function toldClocks(cards: Cards): ToldClock<NodeId>[] {
  return [...cards].flatMap(([node, { clockAheadMs }]) =>
    clockAheadMs === undefined ? [] : [{ node, aheadMs: clockAheadMs }],
  )
}
