/** ListKeys: all keys, without their secrets. */

import { listKeys as list } from '../../../store/access-key.ts'
import { keyListShape, type KeyListAnswer } from '../answers.ts'
import { garageOperation } from '../operation.ts'
import { isExpired, timeText } from '../times.ts'

export const listKeys = garageOperation(
  'GET',
  'ListKeys',
  async (context) => {
    const keys = await list(context.store)
    return keys.map(({ id, name, createdMicros, expiresMicros }): KeyListAnswer => ({
      id,
      name,
      created: timeText(createdMicros),
      expiration: expiresMicros === undefined ? null : timeText(expiresMicros),
      expired: isExpired(context, expiresMicros),
    }))
  },
  { answer: keyListShape },
)
