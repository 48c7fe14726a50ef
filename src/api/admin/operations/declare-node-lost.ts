/** Ours: an operator declares that a node's database never comes back. */

import { layoutHistoryShape } from '../answers.ts'
import { declareNodeLost as declare, upNodes } from '../../../store/layout/layout.ts'
import { fields, text } from '../input.ts'
import { historyAnswer, nodeOf } from '../layout.ts'
import { hangarOperation } from '../operation.ts'

const input = fields({ node: text })

export const declareNodeLost = hangarOperation(
  'POST',
  'declare-node-lost',
  async ({ layout }, call) => {
    const { node } = call.input(input)
    return historyAnswer((await declare(layout, nodeOf(node))).history, upNodes(layout))
  },
  { input, answer: layoutHistoryShape },
)
