/** POST check starts a check of this node, GET check tells how it goes. */

import { jobShape } from '../answers.ts'
import { fields, optional } from '../input.ts'
import { hangarOperation } from '../operation.ts'

const input = optional(fields({}))

export const startCheck = hangarOperation(
  'POST',
  'check',
  (context, call) => {
    call.input(input)
    return Promise.resolve(context.node.check.start())
  },
  { input, answer: jobShape },
)

export const watchCheck = hangarOperation(
  'GET',
  'check',
  (context) => Promise.resolve(context.node.check.status()),
  { answer: jobShape },
)
