/** Ours: goes on without nodes that never come back, where a quorum is gone with them. */

import { CALL_DEADLINE_MS } from '../../../base/limits.ts'
import type { NodeId } from '../../../base/ids.ts'
import { storingNodes } from '../../../cluster/layout/giving-up.ts'
import { giveUpNodes as giveUp, judgeGivingUp } from '../../../store/layout/layout.ts'
import { nodesGivenUpShape, type NodesGivenUpAnswer } from '../answers.ts'
import { AdminError } from '../errors.ts'
import { standingOf } from '../health.ts'
import { count, fields, flag, list, optional, text } from '../input.ts'
import { nodeOf } from '../layout.ts'
import { hangarOperation, type AdminContext } from '../operation.ts'

/** Without `accepted` nothing is changed; `lost`: how many partitions are given up too. */
const input = fields({ givenUp: list(text), accepted: flag, lost: optional(count) })

export const giveUpNodes = hangarOperation(
  'POST',
  'give-up-nodes',
  async (context, call) => {
    const { givenUp: names, accepted, lost = 0 } = call.input(input)
    const givenUp = [...new Set(names.map(nodeOf))].sort()
    const { layout } = context
    const { version, survivors, ...partitions } = await judgeGivingUp(layout, givenUp)
    await assertGone(context, givenUp)
    const answer: NodesGivenUpAnswer = { done: accepted, version, survivors, partitions }
    if (!accepted) return answer
    if (lost !== partitions.lost) {
      throw refused(`${partitions.lost} partitions would be lost: say that it is accepted`)
    }
    await giveUp(layout, { givenUp, lost, version })
    return answer
  },
  { input, answer: nodesGivenUpShape },
)

/**
 * Those that are named are gone, or have lost their rows; all others are there, with theirs.
 *
 * @throws {AdminError} `InvalidRequest`
 */
async function assertGone(context: AdminContext, givenUp: readonly NodeId[]): Promise<void> {
  const { node, layout } = context
  const { up, mute, hasQuorums } = await standingOf(context)
  if (hasQuorums) {
    throw refused('a quorum is there: declare nodes that are gone as lost, one by one')
  }
  if (mute.has(node.id) || node.condition().kind !== 'serving') {
    throw refused('this node has lost rows itself: do it on one that has not')
  }
  const storage = storingNodes(layout.members.history()!)
  if (!storage.includes(node.id)) {
    throw refused('this node stores nothing: do it on one that does')
  }
  const there = givenUp.find((id) => up.has(id) && !mute.has(id))
  if (there !== undefined) throw refused(`node ${short(there)} is there, with its rows`)
  const away = givenUp.filter((id) => !up.has(id))
  for (const id of storage) {
    if (givenUp.includes(id) || id === node.id) continue
    if (!up.has(id)) throw refused(`node ${short(id)} does not answer: ${nameIt}`)
    await assertLinked(context, id, away)
  }
}

/** One that is cut off from this node alone is not gone. */
async function assertLinked(
  { node }: AdminContext,
  survivor: NodeId,
  away: readonly NodeId[],
): Promise<void> {
  const { linked, voteless = [] } = await node.peers
    .card(survivor, CALL_DEADLINE_MS)
    .catch(() => Promise.reject(refused(`node ${short(survivor)} does not answer: ${nameIt}`)))
  // Perhaps it did not answer when all were asked.
  if (voteless.length > 0) throw refused(`node ${short(survivor)} has lost rows: ${nameIt}`)
  if (linked === undefined) {
    throw refused(`node ${short(survivor)} is of an older version: bring it to this one first`)
  }
  const seen = away.find((id) => linked.includes(id))
  if (seen !== undefined) {
    throw refused(`node ${short(survivor)} is linked to node ${short(seen)}: that one is not gone`)
  }
}

const nameIt = 'name it too, or wait for it'

function short(id: NodeId): string {
  return id.slice(0, 16)
}

function refused(why: string): AdminError {
  return new AdminError('InvalidRequest', `Cannot give up nodes: ${why}`)
}
