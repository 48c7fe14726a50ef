/** Admin tokens as the admin API finds and shows them. */

import { ADMIN_SCOPE_MAX } from '../../base/limits.ts'
import type { AdminToken } from '../../model/rows/admin-token.ts'
import { adminTokenById, listAdminTokens } from '../../store/admin-token.ts'
import type { AdminTokenAnswer } from './answers.ts'
import { AdminError } from './errors.ts'
import { fields, flag, list, optional, text } from './input.ts'
import {
  neededParameter,
  parameter,
  type AdminCall,
  type AdminContext,
  type QueryParameter,
} from './operation.ts'
import { expiryOf, isExpired, timeText } from './times.ts'

/** Source: Garage v2 admin API, AdminTokenInfo. */
export function tokenAnswer(context: AdminContext, token: AdminToken): AdminTokenAnswer {
  const { id, name, createdMicros, expiresMicros, scope } = token
  return {
    id,
    created: timeText(createdMicros),
    name,
    expiration: expiresMicros === undefined ? null : timeText(expiresMicros),
    expired: isExpired(context, expiresMicros),
    scope,
  }
}

/** A token of the settings. Source: Garage v2, the same names. */
function settingsAnswer(name: string, scope: string): AdminTokenAnswer {
  return {
    ...{ id: null, created: null, expiration: null, expired: false },
    ...{ name: `${name} (from daemon configuration)`, scope: [scope] },
  }
}

export const rootAnswer = settingsAnswer('admin_token', '*')

/** The tokens of the settings. */
export function settingsAnswers({ tokens }: AdminContext): readonly AdminTokenAnswer[] {
  if (tokens.metrics === undefined) return [rootAnswer]
  return [rootAnswer, settingsAnswer('metrics_token', 'Metrics')]
}

/** The parameters of a call that `tokenOfCall` reads. */
export const tokenQuery: readonly QueryParameter[] = [
  { name: 'id', sentence: 'Its whole id' },
  { name: 'search', sentence: 'The first digits of its id, or its name in any case' },
]

/** The parameter of a call that changes a token. */
export const tokenIdQuery: readonly QueryParameter[] = [
  { name: 'id', sentence: 'The whole id of the token', required: true },
]

/**
 * The token that `id` or `search` names.
 *
 * @throws {AdminError} `InvalidRequest` unless exactly one is given and found
 * @throws {StoreError} `NoSuchAdminToken`
 */
export async function tokenOfCall({ store }: AdminContext, call: AdminCall): Promise<AdminToken> {
  const search = parameter(call, 'search')
  if (search === undefined) return adminTokenById(store, neededParameter(call, 'id'))
  if (parameter(call, 'id') !== undefined) {
    throw new AdminError('InvalidRequest', 'Cannot look for two things: give "id" or "search"')
  }
  const wanted = search.toLowerCase()
  const found = (await listAdminTokens(store)).filter(
    ({ id, name }) => id.startsWith(wanted) || name.toLowerCase() === wanted,
  )
  const [first, second] = found
  if (first !== undefined && second === undefined) return first
  const why = first === undefined ? 'no token' : `${found.length} tokens`
  const shown = search.slice(0, 100)
  throw new AdminError('InvalidRequest', `Cannot choose a token: "${shown}" fits ${why}`)
}

/** The body of CreateAdminToken and UpdateAdminToken. */
export const tokenInput = fields({
  name: optional(text),
  expiration: optional(text),
  neverExpires: optional(flag),
  scope: optional(list(text)),
})

/**
 * The end of a token that is made or changed: not after that of the caller's own.
 *
 * @param before the end that it has, where it has one
 * @throws {AdminError} `AccessDenied`, `InvalidRequest`
 */
export function judgeExpiry(
  { caller }: AdminCall,
  asked: Parameters<typeof expiryOf>[0],
  before?: number,
): ReturnType<typeof expiryOf> {
  const expiry = expiryOf(asked)
  const own = typeof caller === 'string' ? undefined : caller.expiresMicros
  if (own === undefined) return expiry
  const { expiresMicros = before ?? 'never' } = expiry
  if (expiresMicros !== 'never' && expiresMicros <= own) return expiry
  const end = timeText(own)
  throw new AdminError(
    'AccessDenied',
    `Access denied: your token ends at ${end}, give no later end`,
  )
}

/**
 * Nobody hands on more than is theirs.
 *
 * @throws {AdminError} `AccessDenied`, `InvalidRequest`
 */
export function judgeScope(
  { caller }: AdminCall,
  scope: readonly string[] | undefined,
): readonly string[] | undefined {
  if (scope === undefined) return undefined
  if (scope.length > ADMIN_SCOPE_MAX || scope.some((name) => !/^[\w*-]{1,100}$/.test(name))) {
    throw new AdminError(
      'InvalidRequest',
      `Cannot read "scope": wanted up to ${ADMIN_SCOPE_MAX} names of operations, or "*"`,
    )
  }
  const own = typeof caller === 'string' ? ['*'] : caller.scope
  const lacking = own.includes('*') ? undefined : scope.find((name) => !own.includes(name))
  if (lacking === undefined) return scope
  throw new AdminError('AccessDenied', `Access denied: your token has no "${lacking}" to give`)
}
