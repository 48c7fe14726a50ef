/** POST scrub starts a scrub of this node, GET scrub tells how it goes. */

import { fields, optional } from '../input.ts'
import { hangarOperation } from '../operation.ts'

export const startScrub = hangarOperation('POST', 'scrub', (context, call) => {
  call.input(optional(fields({})))
  return Promise.resolve(context.node.scrub.start())
})

export const watchScrub = hangarOperation('GET', 'scrub', (context) =>
  Promise.resolve(context.node.scrub.status()),
)
