/** What an operator does with the layout: show, stage, preview, apply, revert, skip, declare lost, give up. */

import { DomainError } from '../../base/errors.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Network } from '../../base/network.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { remainsWithout, type GiveUpRequest, type Remains } from '../../cluster/layout/giving-up.ts'
import {
  newestLayout,
  nothingStaged,
  storageOf,
  type LayoutHistory,
  type Staged,
} from '../../cluster/layout/history.ts'
import { countPartitions, type Layout } from '../../cluster/layout/layout.ts'
import {
  firstHistory,
  preview,
  stageInto,
  type Preview,
  type StageRequest,
} from '../../cluster/layout/staging.ts'
import type { Members } from '../../cluster/members.ts'
import {
  applyLayoutCommand,
  giveUpNodesCommand,
  loseNodeCommand,
  revertLayoutCommand,
  skipNodesCommand,
  stageLayoutCommand,
} from '../../model/commands/layout.ts'
import type { FirstLayouts } from '../../model/layout/first.ts'
import type { LayoutFollower } from '../../model/layout/follower.ts'
import type { Command } from '../../table/schema.ts'
import { refusalCode, StoreError, toStoreError } from '../errors.ts'

const FIRST_LAYOUT_MS = 8_000

/** What the verbs of the layout work with. */
export interface LayoutContext {
  readonly members: Members
  readonly follower: Pick<LayoutFollower, 'change' | 'changeWithout' | 'read'>
  readonly firsts: Pick<FirstLayouts, 'propose'>
  readonly network: Pick<Network, 'peers'>
  /** Copies in the first layout, where nobody wishes for another number. */
  readonly factor: number
  /** Bytes that one copy of one partition holds on this node, on average. */
  readonly copyBytes: () => Promise<number>
}

/** The layout as it is, and what is staged. */
export interface LayoutState {
  /** Undefined where there is none yet. */
  readonly history: LayoutHistory | undefined
  readonly staged: Staged
  /** Copies that the next layout has, where nobody wishes for another number. */
  readonly factor: number
}

/** Settled where the owners can be reached; else what this node knows. */
export async function showLayout(context: LayoutContext): Promise<LayoutState> {
  const { members, follower } = context
  if (members.history() !== undefined) await follower.read().catch(() => undefined)
  return stateOf(context)
}

/** @throws {StoreError} `InvalidLayout`, and as every change */
export async function stageLayout(
  context: LayoutContext,
  request: StageRequest,
): Promise<LayoutState> {
  const { members } = context
  await inWords(async () => {
    const wishes = stageInto(nothingStaged, request)
    judgeSpread(request, stateOf(context))
    if (members.history() !== undefined) return change(context, stageLayoutCommand(wishes))
    members.setDraft(stageInto(members.draft(), request))
    return members.stable()
  })
  return stateOf(context)
}

/** Copies lie in no more zones than there are copies. Source: Garage v2, UpdateClusterLayout. */
function judgeSpread({ zoneSpread, factor }: StageRequest, { staged, ...now }: LayoutState): void {
  const copies = factor ?? staged.factor ?? now.factor
  if (zoneSpread === undefined || zoneSpread === 'maximum' || zoneSpread <= copies) return
  throw new ClusterError(
    'InvalidRole',
    `Cannot make a layout: ${copies} copies cannot lie in ${zoneSpread} zones`,
  )
}

export async function revertLayout(context: LayoutContext): Promise<LayoutState> {
  const { members } = context
  await inWords(async () => {
    if (members.history() !== undefined) return change(context, revertLayoutCommand())
    members.setDraft(nothingStaged)
    return members.stable()
  })
  return stateOf(context)
}

/** @throws {StoreError} `InvalidLayout` when what is staged makes no layout */
export async function previewLayout(context: LayoutContext): Promise<Preview> {
  const { history, staged, factor } = await showLayout(context)
  const bytes = await context.copyBytes()
  return inWords(() => {
    if (history !== undefined) return preview(history, () => bytes)
    const first = firstHistory(staged, { clusterId: '', factor })
    return { layout: newestLayout(first), moves: [], copies: 0, bytes: 0 }
  })
}

/**
 * Makes what is staged the layout.
 *
 * @param version of the new one: refused when it is not the next
 * @throws {StoreError} `LayoutConflict`, `InvalidLayout`, `Unavailable`
 */
export async function applyLayout(context: LayoutContext, version: number): Promise<LayoutState> {
  const { members, firsts, factor } = context
  await inWords(async () => {
    if (members.history() !== undefined) return change(context, applyLayoutCommand(version))
    if (version !== 1) {
      throw new ClusterError('WrongVersion', `Cannot apply layout ${version}: the next one is 1`, {
        details: { next: 1 },
      })
    }
    return firsts.propose({ factor, deadlineMs: FIRST_LAYOUT_MS })
  })
  return stateOf(context)
}

/** Whom a skip changed anything of. */
export interface Skipped {
  readonly acknowledged: readonly NodeId[]
  readonly synced: readonly NodeId[]
}

/**
 * Goes on with `version` without the nodes that cannot be reached now.
 *
 * @throws {StoreError} `InvalidLayout`: no such layout is on its way, or they are a quorum
 */
export async function skipDeadNodes(
  context: LayoutContext,
  request: { readonly version: number; readonly allowMissingData: boolean },
): Promise<Skipped> {
  const { version, allowMissingData } = request
  const { history } = await showLayout(context)
  if (history === undefined) {
    throw new StoreError('InvalidLayout', 'Cannot skip nodes: there is no layout yet')
  }
  const up = new Set(upNodes(context))
  const dead = [...storageOf(history)].filter((node) => !up.has(node))
  const nodes = dead.filter((node) => {
    const { isLost, skippedTo } = history.nodes.get(node)!
    return !isLost && (skippedTo < version || allowMissingData)
  })
  await inWords(() => change(context, skipNodesCommand({ version, nodes, allowMissingData })))
  const synced = nodes.filter((node) => history.nodes.get(node)!.sync < version)
  return { acknowledged: nodes, synced: allowMissingData ? synced : [] }
}

/**
 * Declares that a node's database never comes back. Of two nodes that are left without a quorum the
 * one that is there decides alone: so an operator must be right about it.
 *
 * @throws {StoreError} `InvalidLayout` when no layout names it
 */
export async function declareNodeLost(context: LayoutContext, node: NodeId): Promise<LayoutState> {
  const { members, follower } = context
  const command = loseNodeCommand(node)
  await inWords(async () => {
    try {
      await follower.change(command)
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'QuorumNotReached') throw error
      await follower.changeWithout([node], command)
    }
    await members.stable()
  })
  return stateOf(context)
}

/**
 * What would be left if these nodes were given up, as far as this node knows.
 *
 * @throws {StoreError} `InvalidLayout` when they cannot be
 */
export async function judgeGivingUp(
  { members }: LayoutContext,
  givenUp: readonly NodeId[],
): Promise<Remains & { readonly version: number }> {
  return inWords(() => {
    const history = members.history()
    if (history === undefined) {
      throw new ClusterError('UnknownNode', 'Cannot give up nodes: there is no layout yet')
    }
    const version = newestLayout(history).version + 1
    return { version, ...remainsWithout(history, givenUp) }
  })
}

/**
 * Goes on without nodes that never come back, where a quorum is gone with them. What only they had
 * is lost. Every other node that stores must take it; whoever calls this has looked that they are
 * there, with their rows, and that these are not.
 *
 * @throws {StoreError} `InvalidLayout`, `LayoutConflict`, `Unavailable`
 */
export async function giveUpNodes(
  context: LayoutContext,
  request: GiveUpRequest,
): Promise<LayoutState> {
  const { members, follower } = context
  await inWords(async () => {
    await follower.changeWithout(request.givenUp, giveUpNodesCommand(request), 'all')
    await members.stable()
  })
  return stateOf(context)
}

/** This node and the peers that answer. */
export function upNodes({
  members,
  network,
}: Pick<LayoutContext, 'network'> & {
  readonly members: Pick<Members, 'self'>
}): readonly NodeId[] {
  const up = network.peers().flatMap(({ node, isUp }) => (isUp ? [node] : []))
  return [members.self, ...up]
}

/** Partitions of a node in a layout, and what they may hold. */
export function shareOf(
  layout: Layout,
  node: NodeId,
): { readonly partitions: number; readonly usableBytes: number } {
  const partitions = countPartitions(layout, node)
  return { partitions, usableBytes: partitions * layout.partitionBytes }
}

function stateOf({ members, factor }: LayoutContext): LayoutState {
  const history = members.history()
  const staged = history?.staged ?? members.draft()
  const wished = staged.factor ?? (history === undefined ? factor : newestLayout(history).factor)
  return { history, staged, factor: wished }
}

async function change({ members, follower }: LayoutContext, command: Command): Promise<void> {
  await follower.change(command)
  await members.stable()
}

/** Runs `work`; its failures in the store's words. */
async function inWords<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const refused = refusalCode(error)
    const { details, message } = error as ClusterError
    const code = refused ?? (error instanceof ClusterError ? error.code : undefined)
    const word = code === undefined ? undefined : words[code]
    if (word === undefined) throw toStoreError(error)
    const sentence = details['sentence']
    throw new StoreError(word, typeof sentence === 'string' ? sentence : message, {
      ...{ cause: error, details },
    })
  }
}

/** Codes of `cluster/` as an operator means them. */
const words: Readonly<Record<string, 'InvalidLayout' | 'LayoutConflict' | 'Unavailable'>> = {
  CannotAssign: 'InvalidLayout',
  InvalidRole: 'InvalidLayout',
  NothingStaged: 'InvalidLayout',
  NotFenced: 'InvalidLayout',
  UnknownLayout: 'InvalidLayout',
  UnknownNode: 'InvalidLayout',
  WrongVersion: 'LayoutConflict',
  FirstLayoutLost: 'LayoutConflict',
  OtherCluster: 'LayoutConflict',
  FirstLayoutWaits: 'Unavailable',
  NoLayout: 'Unavailable',
}
