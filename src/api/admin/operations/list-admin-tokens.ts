/** ListAdminTokens: those of the settings, then all that were made. */

import { listAdminTokens as listTokens } from '../../../store/admin-token.ts'
import { adminTokenShape } from '../answers.ts'
import { list } from '../input.ts'
import { garageOperation } from '../operation.ts'
import { settingsAnswers, tokenAnswer } from '../tokens.ts'

export const listAdminTokens = garageOperation(
  'GET',
  'ListAdminTokens',
  async (context) => {
    const made = await listTokens(context.store)
    return [...settingsAnswers(context), ...made.map((token) => tokenAnswer(context, token))]
  },
  { answer: list(adminTokenShape) },
)
