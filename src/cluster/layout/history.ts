/** The layouts of a cluster over time: the value of the one layout register. Pure. */

import type { Epoch } from '../../base/ballot.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Layout, Role, ZoneSpread } from './layout.ts'

/** What is waiting to be applied. */
export interface Staged {
  /** Undefined removes the node's role. */
  readonly roles: ReadonlyMap<NodeId, Role | undefined>
  readonly zoneSpread: ZoneSpread | undefined
  readonly factor: number | undefined
}

/** How far a node of an active layout has come. Versions are those of layouts. */
export interface Progress {
  /** It knows this layout, and refuses whoever knows only older ones. */
  readonly ack: number
  /**
   * Every partition that it owns in an active layout up to this one is complete here, every block
   * that belongs there is present and verified.
   */
  readonly sync: number
  /** It knows that reads ask this layout, and refuses whoever would ask an older one. */
  readonly syncAck: number
  /** It refuses epochs with fewer re-admissions than these. */
  readonly readmissions: number
  /** The life of its database that may vote; undefined until it first said so. */
  readonly incarnation: string | undefined
  /** Re-admissions of the cluster when `incarnation` was let in; 0 of one that never left. */
  readonly readmittedAt: number
  /** Not waited for, as long as no layout is newer than this. */
  readonly skippedTo: number
  /** An operator declared it lost: nothing is expected from its database any more. */
  readonly isLost: boolean
}

/** What is left of a layout that is not active any more. */
export interface FormerLayout {
  readonly version: number
  readonly storageNodes: number
  readonly gatewayNodes: number
}

export interface LayoutHistory {
  /** Drawn with the first layout, 32 hex digits. */
  readonly clusterId: string
  /** Rises with every change of the register. */
  readonly revision: number
  /**
   * Rises with every fence: a node that is let in again or declared lost, reads that move, layouts
   * that retire. So an epoch says which layouts are active and which of them is read.
   */
  readonly readmissions: number
  /** `readmissions` when reads moved to `readVersion`. */
  readonly movedAt: number
  /** `readmissions` when the first layout after the one that is read was applied. */
  readonly changedAt: number
  /** Oldest first, at least one. All of them take writes. */
  readonly active: readonly Layout[]
  /** Newest first. */
  readonly former: readonly FormerLayout[]
  /** Version of the one layout that is read: the newest whose owners are all synced. */
  readonly readVersion: number
  readonly staged: Staged
  /** Every node that stores or has a role in an active layout. */
  readonly nodes: ReadonlyMap<NodeId, Progress>
}

export const nothingStaged: Staged = {
  roles: new Map(),
  zoneSpread: undefined,
  factor: undefined,
}

/** A node that a layout names for the first time. */
export const newcomer: Progress = {
  ack: 0,
  sync: 0,
  syncAck: 0,
  readmissions: 0,
  incarnation: undefined,
  readmittedAt: 0,
  skippedTo: 0,
  isLost: false,
}

export function newestLayout(history: LayoutHistory): Layout {
  return history.active.at(-1)!
}

/** The layout whose owners reads ask. */
export function readLayout(history: LayoutHistory): Layout {
  return history.active.find(({ version }) => version === history.readVersion)!
}

export function epochOf(history: LayoutHistory): Epoch {
  return { layout: newestLayout(history).version, readmissions: history.readmissions }
}

/** Nodes that store in any active layout, once each. */
export function storageOf(history: LayoutHistory): ReadonlySet<NodeId> {
  return new Set(history.active.flatMap(({ storage }) => storage))
}

/** The history with its next revision. */
export function revised(history: LayoutHistory, change: Partial<LayoutHistory>): LayoutHistory {
  return { ...history, ...change, revision: history.revision + 1 }
}

/** The same with what happened to some nodes. */
export function withProgress(
  history: LayoutHistory,
  changes: ReadonlyMap<NodeId, Partial<Progress>>,
): ReadonlyMap<NodeId, Progress> {
  const nodes = new Map(history.nodes)
  for (const [node, change] of changes) {
    nodes.set(node, { ...(nodes.get(node) ?? newcomer), ...change })
  }
  return nodes
}
