/** UpdateKey: name, expiry and the right to create buckets. */

import { updateKey as update } from '../../../store/access-key.ts'
import { keyAnswer, keyById, keyInput, keyUpdateOf } from '../keys.ts'
import { garageOperation, neededParameter } from '../operation.ts'
import { keyShape } from '../answers.ts'

export const updateKey = garageOperation(
  'POST',
  'UpdateKey',
  async (context, call) => {
    const { id } = await keyById(context, neededParameter(call, 'id'))
    const key = await update(context.store, { id, ...keyUpdateOf(call.input(keyInput)) })
    return keyAnswer(context, key)
  },
  {
    input: keyInput,
    answer: keyShape,
    query: [{ name: 'id', sentence: 'The whole id of the key', required: true }],
  },
)
