/** GetWorkerVariable: how the background work of the named nodes is paced. */

import { fields, optional, record, text } from '../input.ts'
import { garageOperation, type WorkerReport } from '../operation.ts'
import { variableOf, variablesOf } from '../variables.ts'
import { perform } from '../workers.ts'

const input = fields({ variable: optional(text) })

export const getWorkerVariable = garageOperation(
  'POST',
  'GetWorkerVariable',
  (context, call) => {
    const { variable } = call.input(input)
    return perform<readonly WorkerReport[]>(context, call, { kind: 'workers' }, (_, reports) => {
      const all = variablesOf(reports)
      return variable === undefined ? all : { [variable]: variableOf(all, variable) }
    })
  },
  { input, answer: record(text), data: false, nodes: true },
)
