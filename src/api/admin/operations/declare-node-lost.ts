/** Ours: an operator declares that a node's database never comes back. */

import { layoutHistoryShape } from '../answers.ts'
import { declareNodeLost as declare, upNodes } from '../../../store/layout/layout.ts'
import { AdminError } from '../errors.ts'
import { fields, text } from '../input.ts'
import { historyAnswer, nodeOf } from '../layout.ts'
import { partitionsBereft } from '../../../cluster/bereft.ts'
import { hangarOperation } from '../operation.ts'

const input = fields({ node: text })

export const declareNodeLost = hangarOperation(
  'POST',
  'declare-node-lost',
  async ({ layout }, call) => {
    const node = nodeOf(call.input(input).node)
    const history = layout.members.history()
    const bereft = history === undefined ? 0 : partitionsBereft(history, node)
    if (bereft > 0) {
      throw new AdminError(
        'InvalidRequest',
        `Cannot declare node "${node.slice(0, 16)}" lost: the layout is changing, and ${bereft} partitions ` +
          'have no quorum of new owners without it, so the change would not end. ' +
          'Start it again, or keep what the old owners hold: hangar node give-up',
      )
    }
    return historyAnswer((await declare(layout, node)).history, upNodes(layout))
  },
  { input, answer: layoutHistoryShape },
)
