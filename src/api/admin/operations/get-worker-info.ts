/** GetWorkerInfo: one worker of the nodes that `node` names, by its number. */

import { AdminError } from '../errors.ts'
import { count, fields } from '../input.ts'
import { garageOperation, type WorkerReport } from '../operation.ts'
import { perform, workerInfos, workerShape } from '../workers.ts'

const shape = fields({ id: count })

export const getWorkerInfo = garageOperation(
  'POST',
  'GetWorkerInfo',
  (context, call) => {
    const { id } = call.input(shape)
    return perform<readonly WorkerReport[]>(context, call, { kind: 'workers' }, (_, reports) => {
      const found = workerInfos(reports)[id]
      if (found !== undefined) return found
      throw new AdminError('NoSuchWorker', `Cannot find worker ${id}: there are ${reports.length}`)
    })
  },
  { data: false, input: shape, nodes: true, answer: workerShape },
)
