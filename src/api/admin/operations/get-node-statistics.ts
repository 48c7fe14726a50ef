/** GetNodeStatistics: the queues of the nodes that `node` names, as text. */

import { freeformShape } from '../answers.ts'
import { garageOperation, type WorkerReport } from '../operation.ts'
import { nodeStatistics } from '../statistics.ts'
import { perform } from '../workers.ts'

export const getNodeStatistics = garageOperation(
  'GET',
  'GetNodeStatistics',
  (context, call) =>
    perform<readonly WorkerReport[]>(context, call, { kind: 'workers' }, (_, reports) => ({
      freeform: nodeStatistics(reports),
    })),
  { data: false, nodes: true, answer: freeformShape },
)
