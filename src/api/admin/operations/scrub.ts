/** POST scrub starts a scrub of this node, GET scrub tells how it goes. */

import { jobShape } from '../answers.ts'
import { fields, optional } from '../input.ts'
import { hangarOperation } from '../operation.ts'

const input = optional(fields({}))

export const startScrub = hangarOperation(
  'POST',
  'scrub',
  (context, call) => {
    call.input(input)
    return Promise.resolve(context.node.scrub.start())
  },
  { input, answer: jobShape },
)

export const watchScrub = hangarOperation(
  'GET',
  'scrub',
  (context) => Promise.resolve(context.node.scrub.status()),
  { answer: jobShape },
)
