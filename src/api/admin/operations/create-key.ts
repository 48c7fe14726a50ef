/** CreateKey: a fresh key; the only answer that shows its secret unasked. */

import { createKey as create } from '../../../store/access-key.ts'
import { keyAnswer, keyInput, keyUpdateOf } from '../keys.ts'
import { garageOperation } from '../operation.ts'
import { keyShape } from '../answers.ts'

export const createKey = garageOperation(
  'POST',
  'CreateKey',
  async (context, call) => {
    const { name, expiresMicros, mayCreateBucket } = keyUpdateOf(call.input(keyInput))
    const key = await create(context.store, {
      name: name ?? 'Unnamed key',
      mayCreateBucket,
      ...(expiresMicros === 'never' ? {} : { expiresMicros }),
    })
    return keyAnswer(context, key, { showSecret: true })
  },
  { input: keyInput, answer: keyShape },
)
