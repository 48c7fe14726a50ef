/**
 * The first layout of nodes that have none. Pure.
 *
 * It counts when every storage node that it names has taken it. A node holds one at a time, and
 * leaves it for another only when that has a higher ticket and the one it holds can never count:
 * when a node that it names holds the higher one. (Tickets rise at each node, so that node never
 * takes it any more; and had it taken it before, it would have left it by the same rule. So no two
 * that share a node ever both count.)
 */

import type { NodeId } from '../../base/ids.ts'
import type { LayoutHistory } from './history.ts'

export interface FirstLayout {
  /** Microseconds of the proposer's clock, above those of what it held. */
  readonly ticket: number
  /** Its cluster id is drawn for this proposal alone. */
  readonly history: LayoutHistory
}

/** Whether a node holds, or held, anything of the kind. */
export interface Holding {
  readonly held: FirstLayout | undefined
  /** The highest ever held; undefined when there was none. */
  readonly floor: Ticket | undefined
}

export interface Ticket {
  readonly time: number
  readonly clusterId: string
}

export const holdsNothing: Holding = { held: undefined, floor: undefined }

export function ticketOf({ ticket, history }: FirstLayout): Ticket {
  return { time: ticket, clusterId: history.clusterId }
}

/** Whether a proposal names a node among those that store. */
export function isNamed(first: FirstLayout, node: NodeId): boolean {
  return first.history.active[0]!.storage.includes(node)
}

/**
 * What a node holds after it was offered a proposal.
 *
 * @param offer.holder a node that holds the proposal; undefined when it was not said
 */
export function take(
  holding: Holding,
  offer: { readonly first: FirstLayout; readonly holder: NodeId | undefined },
): Holding {
  const { held, floor } = holding
  const { first, holder } = offer
  const ticket = ticketOf(first)
  if (floor !== undefined && compareTickets(ticket, floor) <= 0) return holding
  const isFree = held === undefined || (holder !== undefined && isNamed(held, holder))
  return isFree ? { held: first, floor: ticket } : holding
}

/** What a node holds after one that `held` names turned out to be out of reach of it for ever. */
export function letGo(holding: Holding, held: FirstLayout): Holding {
  return isSame(holding.held, held) ? { held: undefined, floor: holding.floor } : holding
}

export function isSame(a: FirstLayout | undefined, b: FirstLayout | undefined): boolean {
  return a !== undefined && a.history.clusterId === b?.history.clusterId
}

function compareTickets(a: Ticket, b: Ticket): number {
  if (a.time !== b.time) return a.time - b.time
  return a.clusterId < b.clusterId ? -1 : a.clusterId > b.clusterId ? 1 : 0
}
