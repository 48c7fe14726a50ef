/** Ours: links this node to a cluster, and says what a role for it could be. */

import { DomainError } from '../../../base/errors.ts'
import type { NodeId } from '../../../base/ids.ts'
import { CALL_DEADLINE_MS } from '../../../base/limits.ts'
import { newestLayout } from '../../../cluster/layout/history.ts'
import { isAlone, standsAlone } from '../../../cluster/lone.ts'
import { joinShape, type JoinAnswer } from '../answers.ts'
import { AdminError } from '../errors.ts'
import { fields, text } from '../input.ts'
import { hangarOperation, type NodeCard, type NodeView } from '../operation.ts'

const input = fields({ address: text })

/** May be called again until `isMember`: the layout comes over the link a moment later. */
export const join = hangarOperation(
  'POST',
  'join',
  async ({ layout: { members }, node }, call): Promise<JoinAnswer> => {
    const { address } = call.input(input)
    if (standsAlone(members) && !members.mayJoin()) throw isSeed(node)
    await link(node, address)
    const history = members.history()
    const isMember = history !== undefined && !members.mayJoin()
    const seed = isMember && isAlone(history) ? newestLayout(history).storage[0]! : undefined
    const own = await node.card()
    const card = seed === undefined ? undefined : await node.peers.card(seed, CALL_DEADLINE_MS)
    return {
      isMember,
      ...(isMember ? {} : knownBy(node)),
      node: suggested(node.id, own, 'availableBytes'),
      seed: card === undefined ? null : suggested(seed!, card, 'totalBytes'),
    }
  },
  { data: false, input, answer: joinShape },
)

function isSeed(node: NodeView): AdminError {
  return new AdminError(
    'InvalidRequest',
    'Cannot join: this node holds data, so others join it. Run on each of them: ' +
      `hangar join ${node.id}@${node.peers.address ?? 'its rpc_public_addr'}`,
  )
}

/** Who is up and of a cluster has its layout. */
function knownBy({ peers }: NodeView): Pick<JoinAnswer, 'knownBy'> {
  const found = peers.list().find(({ isUp, clusterId }) => isUp && clusterId !== undefined)
  return found === undefined ? {} : { knownBy: found.node }
}

async function link(node: NodeView, address: string): Promise<void> {
  try {
    await node.peers.connect(address)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw new AdminError('InvalidRequest', error.message)
  }
}

/** A zone for each machine, and what is on its drive: a beginning, for people to correct. */
function suggested(
  id: NodeId,
  { hostname, data }: NodeCard,
  bytes: 'availableBytes' | 'totalBytes',
): JoinAnswer['node'] {
  return { id, zone: hostname, capacity: data?.[bytes] ?? 0 }
}
