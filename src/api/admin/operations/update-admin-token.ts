/** UpdateAdminToken: name, end and scope; what is absent stays. */

import { adminTokenById, updateAdminToken as update } from '../../../store/admin-token.ts'
import { adminTokenShape } from '../answers.ts'
import { garageOperation, neededParameter } from '../operation.ts'
import { judgeExpiry, judgeScope, tokenAnswer, tokenIdQuery, tokenInput } from '../tokens.ts'

export const updateAdminToken = garageOperation(
  'POST',
  'UpdateAdminToken',
  async (context, call) => {
    const { store } = context
    const before = await adminTokenById(store, neededParameter(call, 'id'))
    const asked = call.input(tokenInput)
    // Of one that may do more than the caller nothing is changed: its end would be lifted.
    judgeScope(call, before.scope)
    const scope = judgeScope(call, asked.scope)
    const expiry = judgeExpiry(call, asked, before.expiresMicros)
    const token = await update(store, before.id, { name: asked.name, scope, ...expiry })
    return tokenAnswer(context, token)
  },
  { input: tokenInput, answer: adminTokenShape, query: tokenIdQuery },
)
