/** CreateAdminToken: the only answer that shows the token itself. */

import { createAdminToken as create } from '../../../store/admin-token.ts'
import { adminTokenShape } from '../answers.ts'
import { both, fields, text } from '../input.ts'
import { garageOperation, type AdminContext } from '../operation.ts'
import { timeText } from '../times.ts'
import { judgeExpiry, judgeScope, tokenAnswer, tokenInput } from '../tokens.ts'

export const createAdminToken = garageOperation(
  'POST',
  'CreateAdminToken',
  async (context, call) => {
    const asked = call.input(tokenInput)
    const { expiresMicros } = judgeExpiry(call, asked)
    const { token, secret } = await create(context.store, {
      name: asked.name ?? nameOfNow(context),
      scope: judgeScope(call, asked.scope ?? ['*'])!,
      expiresMicros: expiresMicros === 'never' ? undefined : expiresMicros,
    })
    return { secretToken: secret, ...tokenAnswer(context, token) }
  },
  { input: tokenInput, answer: both(fields({ secretToken: text }), adminTokenShape) },
)

/** Such as `token_20270131_0930`, as Garage has it. */
function nameOfNow({ store }: AdminContext): string {
  const [date, clock] = timeText(store.clock.wallMicros()).split('T')
  return `token_${date!.replaceAll('-', '')}_${clock!.slice(0, 5).replace(':', '')}`
}
