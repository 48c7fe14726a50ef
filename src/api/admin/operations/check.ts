/** POST check starts a check of this node, GET check tells how it goes. */

import { fields, optional } from '../input.ts'
import { hangarOperation } from '../operation.ts'

export const startCheck = hangarOperation('POST', 'check', (context, call) => {
  call.input(optional(fields({})))
  return Promise.resolve(context.node.check.start())
})

export const watchCheck = hangarOperation('GET', 'check', (context) =>
  Promise.resolve(context.node.check.status()),
)
