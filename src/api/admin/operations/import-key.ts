/** ImportKey: a key that exists elsewhere. */

import { importKey as take } from '../../../store/access-key.ts'
import { AdminError } from '../errors.ts'
import { fields, optional, text } from '../input.ts'
import { keyAnswer } from '../keys.ts'
import { garageOperation } from '../operation.ts'
import { keyShape } from '../answers.ts'

const input = fields({ accessKeyId: text, secretAccessKey: text, name: optional(text) })

export const importKey = garageOperation(
  'POST',
  'ImportKey',
  async (context, call) => {
    const { accessKeyId, secretAccessKey, name } = call.input(input)
    try {
      const key = await take(context.store, {
        id: accessKeyId,
        secret: secretAccessKey,
        name: name ?? 'Imported key',
      })
      return await keyAnswer(context, key)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      throw new AdminError('InvalidRequest', error.message, { cause: error })
    }
  },
  { input, answer: keyShape },
)
