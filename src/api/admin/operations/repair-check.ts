/** POST repair-check starts a check of the whole cluster, GET repair-check tells how it goes. */

import { fields, flag, optional } from '../input.ts'
import { hangarOperation } from '../operation.ts'

const wish = optional(fields({ readBlocks: optional(flag) }))

export const startRepairCheck = hangarOperation('POST', 'repair-check', (context, call) => {
  const { readBlocks = false } = call.input(wish) ?? {}
  return Promise.resolve(context.node.repairCheck.start({ reads: readBlocks }))
})

export const watchRepairCheck = hangarOperation('GET', 'repair-check', (context) =>
  Promise.resolve(context.node.repairCheck.status()),
)
