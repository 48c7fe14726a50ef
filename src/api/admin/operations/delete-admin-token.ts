/** DeleteAdminToken: no node takes it any more once this has answered. */

import { deleteAdminToken as remove } from '../../../store/admin-token.ts'
import { garageOperation, neededParameter } from '../operation.ts'
import { tokenIdQuery } from '../tokens.ts'

export const deleteAdminToken = garageOperation(
  'POST',
  'DeleteAdminToken',
  async (context, call) => {
    await remove(context.store, neededParameter(call, 'id'))
    return null
  },
  { query: tokenIdQuery },
)
