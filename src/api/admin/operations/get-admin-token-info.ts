/** GetAdminTokenInfo: one token and what it may call. */

import { adminTokenShape } from '../answers.ts'
import { garageOperation } from '../operation.ts'
import { tokenAnswer, tokenOfCall, tokenQuery } from '../tokens.ts'

export const getAdminTokenInfo = garageOperation(
  'GET',
  'GetAdminTokenInfo',
  async (context, call) => tokenAnswer(context, await tokenOfCall(context, call)),
  { answer: adminTokenShape, query: tokenQuery },
)
