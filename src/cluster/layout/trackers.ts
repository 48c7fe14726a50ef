/**
 * How a change of layout goes on: who knows it, who is synced, when reads move, what retires. Pure.
 *
 * Each fence (reads that move, layouts that retire, a node let in again or lost) is a new epoch,
 * and what follows from it waits until every node that is waited for refuses older ones. So nobody
 * who slept through it can act on what was before.
 */

import type { NodeId } from '../../base/ids.ts'
import { LAYOUTS_FORMER_MAX } from '../../base/limits.ts'
import { PARTITION_COUNT, quorumOf } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import { isVacant } from './giving-up.ts'
import {
  newestLayout,
  readLayout,
  revised,
  storageOf,
  withProgress,
  type FormerLayout,
  type LayoutHistory,
  type Progress,
} from './history.ts'
import { ownersIn, partitionsWithoutQuorum, type Layout } from './layout.ts'

/** What a node says of itself. */
export interface Report {
  readonly node: NodeId
  readonly incarnation: string
  /** The epoch below which it refuses everything. */
  readonly layout: number
  readonly readmissions: number
  /** See `Progress.sync`. Absent: not further than before. */
  readonly sync?: number
}

/**
 * Takes what a node says of itself, then moves reads and retires layouts if it is time.
 *
 * @returns `history` itself when that is no news
 * @throws {ClusterError} `UnknownNode`; `NotFenced` when its database is not the one that may vote
 */
export function track(history: LayoutHistory, report: Report): LayoutHistory {
  const { node, incarnation, readmissions } = report
  const known = progressOf(history, node)
  if (known.isLost || (known.incarnation ?? incarnation) !== incarnation) {
    throw new ClusterError(
      'NotFenced',
      `Cannot track node "${node}": its database is not the one that the cluster knows`,
    )
  }
  const newest = newestLayout(history).version
  const confirmed = Math.max(known.readmissions, Math.min(readmissions, history.readmissions))
  const ack = Math.max(known.ack, Math.min(report.layout, newest))
  const mayRead = confirmed >= history.movedAt && ack >= history.readVersion
  const next: Progress = {
    ...known,
    incarnation,
    ack,
    readmissions: confirmed,
    // What was gathered before all had acknowledged may lack what was written meanwhile.
    sync: Math.max(known.sync, Math.min(report.sync ?? 0, ackedVersion(history))),
    syncAck: Math.max(known.syncAck, mayRead ? history.readVersion : 0),
    skippedTo: 0,
  }
  if (isEqual(known, next)) return history
  const nodes = withProgress(history, new Map([[node, next]]))
  return settleProgress(revised(history, { nodes }))
}

function isEqual(a: Progress, b: Progress): boolean {
  return (Object.keys(a) as (keyof Progress)[]).every((name) => a[name] === b[name])
}

/** Whether every node that is waited for refuses whoever knows only layouts before `version`. */
export function isAcked(history: LayoutHistory, version: number): boolean {
  return waitedFor(history, version).every(({ ack }) => ack >= version)
}

/** The newest layout that may be gathered: what is written behind its back is over. */
export function ackedVersion(history: LayoutHistory): number {
  const acked = history.active.findLast(({ version }) => isAcked(history, version))
  return acked?.version ?? history.readVersion
}

/** What a node has not done yet for a change of layout to be over. */
const missingSteps = ['layout', 'copies', 'reads'] as const

export interface Awaited {
  readonly node: NodeId
  /** It was declared lost, and reads cannot move: without it some partition has no quorum there. */
  readonly isLost: boolean
  /** It does not know the newest layout; lacks what that gives it; still reads the one before. */
  readonly missing: readonly (typeof missingSteps)[number][]
}

/** Whom a change of layout waits for, and what for; nobody while none is going on. */
export function awaitedIn(history: LayoutHistory): readonly Awaited[] {
  const { active, readVersion } = history
  const newest = newestLayout(history)
  const knowing = new Set(waitedFor(history, newest.version))
  const reading = new Set(waitedFor(history, readVersion))
  const needed = neededOf(history, newest)
  const lacks = (node: NodeId): Awaited['missing'] => {
    const progress = history.nodes.get(node)!
    const { ack, sync, syncAck, isLost } = progress
    // One that is skipped is waited for all the same where it is to hold copies.
    const isOwner = newest.storage.includes(node) && active.length > 1
    const steps = {
      layout: knowing.has(progress) && ack < newest.version,
      copies: isOwner && (isLost ? needed.has(node) : sync < newest.version),
      reads: reading.has(progress) && active[0]!.version < readVersion && syncAck < readVersion,
    }
    return missingSteps.filter((step) => steps[step])
  }
  return [...storageOf(history)]
    .map((node) => ({
      ...{ node, missing: lacks(node) },
      isLost: history.nodes.get(node)!.isLost,
    }))
    .filter(({ missing }) => missing.length > 0)
}

/** Owners of the partitions that would have no quorum in a layout, as nodes of it are lost. */
function neededOf(history: LayoutHistory, layout: Layout): ReadonlySet<NodeId> {
  const short = partitionsWithoutQuorum(layout, (node) => !history.nodes.get(node)!.isLost)
  return new Set(short.flatMap((partition) => ownersIn(layout, partition)))
}

/** Nodes that store and are neither lost nor skipped for this layout. */
function waitedFor(history: LayoutHistory, version: number): readonly Progress[] {
  return [...storageOf(history)]
    .map((node) => history.nodes.get(node)!)
    .filter(({ isLost, skippedTo }) => !isLost && skippedTo < version)
}

export interface SkipRequest {
  /** The newest layout that they need not know; must be newer than the oldest active one. */
  readonly version: number
  /** Those that do not answer. */
  readonly nodes: readonly NodeId[]
  /** Declare them lost too: what only they hold is given up. */
  readonly allowMissingData: boolean
}

/**
 * Goes on without nodes that do not answer. They are fenced by the owners that are left: so what
 * is skipped may not be a quorum of anything, unless it is declared lost.
 *
 * @throws {ClusterError} `UnknownLayout`, `UnknownNode`, `NotFenced`
 */
export function skip(history: LayoutHistory, request: SkipRequest): LayoutHistory {
  const { version, nodes, allowMissingData } = request
  const [oldest, newest] = [history.active[0]!.version, newestLayout(history).version]
  if (version <= oldest || version > newest) {
    const why =
      oldest === newest ? `only layout ${newest} is active` : `wanted ${oldest + 1} to ${newest}`
    throw new ClusterError('UnknownLayout', `Cannot skip nodes for layout ${version}: ${why}`)
  }
  const changes = new Map<NodeId, Partial<Progress>>()
  for (const node of nodes) {
    const skippedTo = Math.max(progressOf(history, node).skippedTo, version)
    changes.set(node, { skippedTo, ...(allowMissingData ? lostProgress : {}) })
  }
  if (changes.size === 0) return history
  const next = revised(history, {
    nodes: withProgress(history, changes),
    ...(allowMissingData ? { readmissions: history.readmissions + 1 } : {}),
  })
  if (!allowMissingData) checkFenced(next)
  return settleProgress(next)
}

/**
 * An operator says that a node's database never comes back: it is not waited for, and may vote
 * again only as a new incarnation.
 *
 * @throws {ClusterError} `UnknownNode`
 */
export function declareLost(history: LayoutHistory, node: NodeId): LayoutHistory {
  if (progressOf(history, node).isLost) return history
  const nodes = withProgress(history, new Map([[node, lostProgress]]))
  return settleProgress(revised(history, { nodes, readmissions: history.readmissions + 1 }))
}

const lostProgress: Partial<Progress> = { isLost: true }

/** What a node asks for that is to be let in again. */
export interface Readmission {
  readonly incarnation: string
  /**
   * The life of its database that the register named when it asked. A wish that comes late, when
   * a later life was let in, would mute that one, which may have voted meanwhile.
   */
  readonly replaces: string | undefined
}

/**
 * Lets a node in again with a new database: a new epoch, so that whatever its old one was part of
 * is refused. It may vote when all others have confirmed that and have been synced with.
 *
 * @throws {ClusterError} `UnknownNode`; `NotFenced` when that database was declared lost, or the
 *   wish was meant for an earlier one
 */
export function readmit(history: LayoutHistory, node: NodeId, wish: Readmission): LayoutHistory {
  const { incarnation, replaces } = wish
  const known = progressOf(history, node)
  if (known.incarnation === incarnation) {
    if (!known.isLost) return history
    throw new ClusterError(
      'NotFenced',
      `Cannot let node "${node}" in: its database was declared lost, and it begins no new one`,
    )
  }
  if (known.incarnation !== replaces) {
    throw new ClusterError(
      'NotFenced',
      `Cannot let node "${node}" in: it asked for that before another database of it was let in`,
    )
  }
  const readmissions = history.readmissions + 1
  const change: Partial<Progress> = {
    incarnation,
    readmittedAt: readmissions,
    isLost: false,
    skippedTo: 0,
    // What it had gathered is gone: while the older owners are there nothing is left to it alone.
    sync: Math.min(known.sync, history.active[0]!.version),
  }
  const nodes = withProgress(history, new Map([[node, change]]))
  return revised(history, { nodes, readmissions })
}

/**
 * Whether every other node that stores has confirmed a node's incarnation: from then on none of
 * them takes part in anything that the old one was told of.
 */
export function isReadmissionConfirmed(history: LayoutHistory, node: NodeId): boolean {
  const { readmittedAt, incarnation, isLost } = progressOf(history, node)
  if (isLost || incarnation === undefined) return false
  return [...storageOf(history)].every((other) => {
    const progress = history.nodes.get(other)!
    return other === node || progress.isLost || progress.readmissions >= readmittedAt
  })
}

/** Moves reads to the newest layout that is synced, and retires what nobody reads any more. */
function settleProgress(history: LayoutHistory): LayoutHistory {
  return retire(moveReads(history))
}

function moveReads(history: LayoutHistory): LayoutHistory {
  const synced = history.active.findLast(
    (layout) => layout.version > history.readVersion && isSynced(history, layout),
  )
  if (synced === undefined) return history
  const readmissions = history.readmissions + 1
  return { ...history, readVersion: synced.version, readmissions, movedAt: readmissions }
}

/**
 * What is lost is not waited for, only where the others are a quorum of each partition. Else reads
 * would move to owners who cannot answer, or to nobody, and the old ones throw away what they hold.
 */
function isSynced(history: LayoutHistory, layout: Layout): boolean {
  if (!isAcked(history, layout.version)) return false
  const isLeft = (node: NodeId): boolean => !history.nodes.get(node)!.isLost
  const left = layout.storage.filter(isLeft)
  if (!left.every((node) => history.nodes.get(node)!.sync >= layout.version)) return false
  return partitionsWithoutQuorum(layout, isLeft).length === 0
}

function retire(history: LayoutHistory): LayoutHistory {
  const { active, readVersion } = history
  if (active[0]!.version >= readVersion) return history
  if (!waitedFor(history, readVersion).every(({ syncAck }) => syncAck >= readVersion)) {
    return history
  }
  // Since reads moved some of those that are read may have been lost, or have lost what they held.
  if (!isSynced(history, readLayout(history))) return history
  const kept = active.filter(({ version }) => version >= readVersion)
  const retired = active.filter(({ version }) => version < readVersion)
  const left = new Set(kept.flatMap(({ storage, roles }) => [...storage, ...roles.keys()]))
  return {
    ...history,
    active: kept,
    former: [...retired.map(formerOf).reverse(), ...history.former].slice(0, LAYOUTS_FORMER_MAX),
    readmissions: history.readmissions + 1,
    nodes: new Map([...history.nodes].filter(([node]) => left.has(node))),
  }
}

function formerOf({ version, storage, roles }: Layout): FormerLayout {
  const storageNodes = storage.filter((node) => !isVacant(node)).length
  const gatewayNodes = [...roles.values()].filter((role) => role.capacityBytes === undefined).length
  return { version, storageNodes, gatewayNodes }
}

/** @throws {ClusterError} `NotFenced` when nodes that are skipped could act without the others */
function checkFenced(history: LayoutHistory): void {
  const oldest = history.active[0]!.version
  const isAsleep = (node: NodeId): boolean => {
    const { isLost, skippedTo } = history.nodes.get(node)!
    return isLost || skippedTo > oldest
  }
  for (const layout of history.active) {
    for (let partition = 0; partition <= PARTITION_COUNT; partition += 1) {
      const owners = ownersIn(layout, partition)
      if (owners.filter(isAsleep).length < quorumOf(owners)) continue
      throw new ClusterError(
        'NotFenced',
        'Cannot skip these nodes: they are a quorum of some partition, and what they hold would ' +
          'be missing; wait for one of them, or allow missing data',
      )
    }
  }
}

function progressOf(history: LayoutHistory, node: NodeId): Progress {
  const progress = history.nodes.get(node)
  if (progress === undefined) {
    throw new ClusterError('UnknownNode', `Cannot find node "${node}" in any active layout`)
  }
  return progress
}
