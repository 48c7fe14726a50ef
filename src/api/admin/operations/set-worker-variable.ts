/** SetWorkerVariable: another pace, until the node ends. */

import { fields, text } from '../input.ts'
import { garageOperation } from '../operation.ts'
import { tranquilityRequest } from '../variables.ts'
import { perform } from '../workers.ts'

const input = fields({ variable: text, value: text })

export const setWorkerVariable = garageOperation(
  'POST',
  'SetWorkerVariable',
  (context, call) => {
    const { variable, value } = call.input(input)
    return perform(context, call, tranquilityRequest(variable, value), () => ({ variable, value }))
  },
  { input, answer: input, data: false, nodes: true },
)
