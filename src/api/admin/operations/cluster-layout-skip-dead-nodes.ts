/** ClusterLayoutSkipDeadNodes: goes on without the nodes that do not answer. */

import { skipDeadNodes } from '../../../store/layout/layout.ts'
import { nodesSkippedShape, type NodesSkippedAnswer } from '../answers.ts'
import { count, fields, flag, optional } from '../input.ts'
import { garageOperation } from '../operation.ts'

const input = fields({ version: count, allowMissingData: optional(flag) })

export const clusterLayoutSkipDeadNodes = garageOperation(
  'POST',
  'ClusterLayoutSkipDeadNodes',
  async ({ layout }, call): Promise<NodesSkippedAnswer> => {
    const { version, allowMissingData = false } = call.input(input)
    const { acknowledged, synced } = await skipDeadNodes(layout, { version, allowMissingData })
    return { ackUpdated: acknowledged, syncUpdated: synced }
  },
  { data: false, input, answer: nodesSkippedShape },
)
