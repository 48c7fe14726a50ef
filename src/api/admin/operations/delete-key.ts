/** DeleteKey: the key, and its rights in every bucket. */

import { deleteKey as remove } from '../../../store/access-key.ts'
import { keyById } from '../keys.ts'
import { garageOperation, neededParameter } from '../operation.ts'

export const deleteKey = garageOperation(
  'POST',
  'DeleteKey',
  async (context, call) => {
    const { id } = await keyById(context, neededParameter(call, 'id'))
    await remove(context.store, id)
    return null
  },
  { query: [{ name: 'id', sentence: 'The whole id of the key', required: true }] },
)
