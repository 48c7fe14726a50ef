/** LaunchRepairOperation: what the workers of the named nodes do from time to time, now. */

import { anything, fields } from '../input.ts'
import { garageOperation } from '../operation.ts'
import { perform, repairOf } from '../workers.ts'

/** A name, or an object of one; `repairOf` reads it. */
const shape = fields({ repairType: anything })

export const launchRepairOperation = garageOperation(
  'POST',
  'LaunchRepairOperation',
  (context, call) => perform(context, call, repairOf(call.input(shape).repairType), () => null),
  { data: false, input: shape, nodes: true },
)
