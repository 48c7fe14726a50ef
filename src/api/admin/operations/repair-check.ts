/** POST repair-check starts a check of the whole cluster, GET repair-check tells how it goes. */

import { jobShape } from '../answers.ts'
import { fields, flag, optional } from '../input.ts'
import { hangarOperation } from '../operation.ts'

const input = optional(fields({ readBlocks: optional(flag) }))

export const startRepairCheck = hangarOperation(
  'POST',
  'repair-check',
  (context, call) => {
    const { readBlocks = false } = call.input(input) ?? {}
    return Promise.resolve(context.node.repairCheck.start({ reads: readBlocks }))
  },
  { input, answer: jobShape },
)

export const watchRepairCheck = hangarOperation(
  'GET',
  'repair-check',
  (context) => Promise.resolve(context.node.repairCheck.status()),
  { answer: jobShape },
)
