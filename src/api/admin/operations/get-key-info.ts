/** GetKeyInfo: one key and the buckets that it may use. */

import { keyAnswer, keyOfCall, keyQuery } from '../keys.ts'
import { garageOperation, parameter } from '../operation.ts'
import { keyShape } from '../answers.ts'

export const getKeyInfo = garageOperation(
  'GET',
  'GetKeyInfo',
  async (context, call) => {
    const showSecret = parameter(call, 'showSecretKey') === 'true'
    return keyAnswer(context, await keyOfCall(context, call), { showSecret })
  },
  {
    answer: keyShape,
    query: [...keyQuery, { name: 'showSecretKey', sentence: '`true`: with its secret' }],
  },
)
