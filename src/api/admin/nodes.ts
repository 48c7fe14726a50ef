/** Calls that name nodes by the parameter `node`: one, this one, or all. */

import type { NodeId } from '../../base/ids.ts'
import { nodesOf } from '../../cluster/layout/giving-up.ts'
import { AdminError } from './errors.ts'
import { fields, record, text, type Shape } from './input.ts'
import { neededParameter, type AdminCall, type AdminContext, type NodeCard } from './operation.ts'

/** Garage's API that is spoken, for tools that look for its version, and behind it what this is. */
export function versionText(version: string): string {
  return `v2.0.0+hangar.${version}`
}

/** What several nodes answer, by id; why one does not is a sentence. */
export function nodesShape<T>(answer: Shape<T>): Shape<{
  readonly success: Readonly<Record<string, T>>
  readonly error: Readonly<Record<string, string>>
}> {
  return fields({ success: record(answer), error: record(text) })
}

/** Source: Garage v2 admin API, multi-node calls. */
export interface NodesAnswer {
  readonly success: Readonly<Record<string, unknown>>
  readonly error: Readonly<Record<string, string>>
}

/**
 * What each named node says of itself, made into an answer by `shape`.
 *
 * @throws {AdminError} `InvalidRequest` when the parameter names no node, or several by one prefix
 */
export function askNodes(
  context: Pick<AdminContext, 'node' | 'layout'>,
  call: AdminCall,
  shape: (id: NodeId, card: NodeCard) => object,
): Promise<NodesAnswer> {
  const { node } = context
  return askEach(context, call, async (id) =>
    shape(id, await (id === node.id ? node.card() : node.peers.card(id))),
  )
}

/**
 * The answer of each named node, or why there is none.
 *
 * @throws {AdminError} as `askNodes`
 */
export async function askEach(
  { node, layout }: Pick<AdminContext, 'node' | 'layout'>,
  call: AdminCall,
  ask: (id: NodeId) => Promise<unknown>,
): Promise<NodesAnswer> {
  const wanted = neededParameter(call, 'node')
  const peers = node.peers.list().map((peer) => peer.node)
  const history = layout.members.history()
  const named = history === undefined ? [] : nodesOf(history)
  const known = new Set([node.id, ...peers, ...named])
  const success: Record<string, unknown> = {}
  const error: Record<string, string> = {}
  await Promise.all(
    namedBy(wanted, node.id, [...known]).map(async (id) => {
      try {
        success[id] = await ask(id)
      } catch (failure) {
        error[id] = (failure as Error).message
      }
    }),
  )
  return { success, error }
}

function namedBy(wanted: string, self: NodeId, known: readonly NodeId[]): readonly NodeId[] {
  if (wanted === '*') return known
  if (wanted === 'self') return [self]
  const found = known.filter((id) => id.startsWith(wanted.toLowerCase()))
  if (found.length === 1) return found
  const why = found.length === 0 ? 'no node' : `${found.length} nodes`
  throw new AdminError(
    'InvalidRequest',
    `Cannot find the node "${wanted}": it names ${why}; wanted *, self or an id`,
  )
}
