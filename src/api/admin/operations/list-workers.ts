/** ListWorkers: the background work of the nodes that `node` names. */

import { fields, flag, list, optional } from '../input.ts'
import { garageOperation, type WorkerReport } from '../operation.ts'
import { perform, workerInfos, workerShape } from '../workers.ts'

const shape = fields({ busyOnly: optional(flag), errorOnly: optional(flag) })

export const listWorkers = garageOperation(
  'POST',
  'ListWorkers',
  (context, call) => {
    const { busyOnly = false, errorOnly = false } = call.input(shape)
    const isWanted = (report: WorkerReport): boolean =>
      (!busyOnly || report.state === 'running') && (!errorOnly || report.errorsInARow > 0)
    return perform<readonly WorkerReport[]>(context, call, { kind: 'workers' }, (_, reports) =>
      workerInfos(reports).filter(({ id }) => isWanted(reports[id]!)),
    )
  },
  { data: false, input: shape, nodes: true, answer: list(workerShape) },
)
