/** GetCurrentAdminTokenInfo: the token that the caller has; each may ask for itself. */

import { adminTokenShape } from '../answers.ts'
import { garageOperation } from '../operation.ts'
import { rootAnswer, tokenAnswer } from '../tokens.ts'

export const getCurrentAdminTokenInfo = garageOperation(
  'GET',
  'GetCurrentAdminTokenInfo',
  (context, { caller }) =>
    Promise.resolve(typeof caller === 'string' ? rootAnswer : tokenAnswer(context, caller)),
  { answer: adminTokenShape, data: false },
)
