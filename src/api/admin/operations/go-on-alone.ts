/** Ours: this node goes on alone, where no quorum is left and none will come back. */

import { CALL_DEADLINE_MS } from '../../../base/limits.ts'
import { goOnAlone as goOn } from '../../../store/layout/layout.ts'
import { layoutHistoryShape } from '../answers.ts'
import { AdminError } from '../errors.ts'
import { healthOf } from '../health.ts'
import { fields, flag, list, text } from '../input.ts'
import { historyAnswer, nodeOf } from '../layout.ts'
import { hangarOperation } from '../operation.ts'

const input = fields({ givenUp: list(text), accepted: flag })

export const goOnAlone = hangarOperation(
  'POST',
  'go-on-alone',
  async (context, call) => {
    const { givenUp, accepted } = call.input(input)
    const nodes = givenUp.map(nodeOf)
    if (!accepted)
      throw refused('what only those nodes hold would be lost: say that it is accepted')
    const { node, layout } = context
    if ((await healthOf(context)).status !== 'unavailable') {
      throw refused('a quorum is there: declare nodes that are gone as lost, one by one')
    }
    const { voteless = [] } = await node.card()
    if (voteless.length > 0 || node.condition().kind !== 'serving') {
      throw refused('this node has lost rows itself: do it on one that has not')
    }
    for (const { node: peer, isUp } of layout.network.peers()) {
      if (!isUp || !nodes.includes(peer)) continue
      const card = await node.peers.card(peer, CALL_DEADLINE_MS)
      if ((card.voteless ?? []).length > 0) continue
      throw refused(`node ${peer.slice(0, 16)} is there, with its rows`)
    }
    return historyAnswer((await goOn(layout, nodes)).history)
  },
  { input, answer: layoutHistoryShape },
)

function refused(why: string): AdminError {
  return new AdminError('InvalidRequest', `Cannot go on alone: ${why}`)
}
