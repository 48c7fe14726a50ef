/** Who may call what: the tokens of the settings, and those that were made, with their scopes. */

import type { AdminToken } from '../../model/rows/admin-token.ts'
import { adminTokenOf } from '../../store/admin-token.ts'
import { bearerCheck, bearerToken } from '../auth/bearer.ts'
import type { AdminContext, AdminOperation } from './operation.ts'
import { isExpired } from './times.ts'

/** `root`: by the token of the settings; `anyone`: by none that was asked for. */
export type Caller = 'root' | 'anyone' | AdminToken

/** Who calls an operation by an Authorization header; undefined: nobody who may. */
export type Gate = (
  operation: AdminOperation,
  authorization: string | undefined,
) => Promise<Caller | undefined>

/** An operation that each token may call: it tells of nothing else. */
const OWN_INFO = 'GetCurrentAdminTokenInfo'

/**
 * Missing, wrong, expired and too narrow tokens are told apart by nothing.
 *
 * The gate throws what reading a made token does; the tokens of the settings need no table.
 */
export function gateOf(context: Pick<AdminContext, 'tokens' | 'store'>): Gate {
  const { admin, metrics, metricsRequired } = context.tokens
  const isAdmin = bearerCheck(admin)
  const isMetrics = metrics === undefined ? undefined : bearerCheck(metrics)
  return async (operation, authorization) => {
    const { guard } = operation
    if (guard === 'open') return 'anyone'
    if (guard === 'metrics') {
      if (isMetrics?.(authorization) ?? !metricsRequired) return 'anyone'
    } else if (isAdmin(authorization)) return 'root'
    const secret = bearerToken(authorization)
    const token = secret === undefined ? undefined : await adminTokenOf(context.store, secret)
    if (token === undefined || isExpired(context, token.expiresMicros)) return undefined
    return isInScope(token, operation.name) ? token : undefined
  }
}

function isInScope({ scope }: AdminToken, name: string): boolean {
  return name === OWN_INFO || scope.includes('*') || scope.includes(name)
}
