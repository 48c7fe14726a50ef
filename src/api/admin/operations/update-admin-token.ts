/** UpdateAdminToken: name, end and scope; what is absent stays. */

import { adminTokenById, updateAdminToken as update } from '../../../store/admin-token.ts'
import { adminTokenShape } from '../answers.ts'
import { garageOperation, neededParameter } from '../operation.ts'
import { expiryOf } from '../times.ts'
import { judgeScope, tokenAnswer, tokenIdQuery, tokenInput } from '../tokens.ts'

export const updateAdminToken = garageOperation(
  'POST',
  'UpdateAdminToken',
  async (context, call) => {
    const { store } = context
    const { id } = await adminTokenById(store, neededParameter(call, 'id'))
    const asked = call.input(tokenInput)
    const scope = judgeScope(call, asked.scope)
    const token = await update(store, id, { name: asked.name, scope, ...expiryOf(asked) })
    return tokenAnswer(context, token)
  },
  { input: tokenInput, answer: adminTokenShape, query: tokenIdQuery },
)
