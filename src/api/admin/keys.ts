/** Access keys as the admin API finds and shows them. */

import { noPermission } from '../../model/rows/permission.ts'
import { findAccessKey, listKeys } from '../../store/access-key.ts'
import type { AccessKey } from '../../store/access-key.ts'
import { listBuckets } from '../../store/bucket/bucket.ts'
import type { KeyAnswer } from './answers.ts'
import { AdminError } from './errors.ts'
import { fields, flag, optional, text } from './input.ts'
import type { Shaped } from './input.ts'
import type { AdminCall, AdminContext, QueryParameter } from './operation.ts'
import { neededParameter, parameter } from './operation.ts'
import { expiryOf, isExpired, timeText } from './times.ts'

/** @throws {AdminError} `NoSuchAccessKey` */
export async function keyById(context: AdminContext, id: string): Promise<AccessKey> {
  const key = await findAccessKey(context.store, id)
  if (key === undefined) throw new AdminError('NoSuchAccessKey', `Cannot find access key "${id}"`)
  return key
}

/**
 * The key that `id` or `search` names: the first digits of an id, or a name in any case.
 *
 * @throws {AdminError} `InvalidRequest` unless exactly one is given and found
 */
export async function keyOfCall(context: AdminContext, call: AdminCall): Promise<AccessKey> {
  const search = parameter(call, 'search')
  if (search === undefined) return keyById(context, neededParameter(call, 'id'))
  if (parameter(call, 'id') !== undefined) {
    throw new AdminError('InvalidRequest', 'Cannot look for two things: give "id" or "search"')
  }
  const found = (await listKeys(context.store)).filter(
    (key) => key.id.startsWith(search) || key.name.toLowerCase() === search.toLowerCase(),
  )
  const exact = found.find((key) => key.id === search)
  const [first, second] = exact === undefined ? found : [exact]
  if (first === undefined) {
    throw new AdminError('NoSuchAccessKey', `Cannot find an access key by "${search}"`)
  }
  if (second !== undefined) {
    const ids = found.slice(0, 5).map((key) => key.id)
    throw new AdminError('InvalidRequest', `Cannot choose: "${search}" fits ${ids.join(', ')}`)
  }
  return keyById(context, first.id)
}

/** The parameters of a call that `keyOfCall` reads. */
export const keyQuery: readonly QueryParameter[] = [
  { name: 'id', sentence: 'Its whole id' },
  { name: 'search', sentence: 'The first characters of its id, or its name in any case' },
]

/** Source: Garage v2 admin API, KeyInfo. */
export async function keyAnswer(
  context: AdminContext,
  key: AccessKey,
  options: { readonly showSecret?: boolean } = {},
): Promise<KeyAnswer> {
  const buckets = await listBuckets(context.store)
  return {
    accessKeyId: key.id,
    created: timeText(key.createdMicros),
    name: key.name,
    expiration: key.expiresMicros === undefined ? null : timeText(key.expiresMicros),
    expired: isExpired(context, key.expiresMicros),
    ...(options.showSecret === true ? { secretAccessKey: key.secret } : {}),
    permissions: { createBucket: key.mayCreateBucket },
    buckets: buckets.flatMap((bucket) => {
      const granted = bucket.keys.get(key.id)
      const local = bucket.localNames.filter((one) => one.key === key.id)
      if (granted === undefined && local.length === 0) return []
      const { read, write, owner } = granted ?? noPermission
      return [
        {
          id: bucket.id,
          globalAliases: bucket.names,
          localAliases: local.map(({ name }) => name),
          permissions: { read, write, owner },
        },
      ]
    }),
  }
}

const permissions = optional(fields({ createBucket: optional(flag) }))

/** The body of CreateKey and UpdateKey. */
export const keyInput = fields({
  name: optional(text),
  expiration: optional(text),
  neverExpires: optional(flag),
  allow: permissions,
  deny: permissions,
})

/**
 * Only `true` flags act, as Garage has it; what is both allowed and denied is denied.
 *
 * @throws {AdminError} `InvalidRequest`
 */
export function keyUpdateOf(input: Shaped<typeof keyInput>): {
  readonly name?: string
  readonly expiresMicros?: number | 'never'
  readonly mayCreateBucket?: boolean
} {
  const { name, allow, deny } = input
  const mayCreate = deny?.createBucket === true ? false : allow?.createBucket === true || undefined
  return {
    ...(name === undefined ? {} : { name }),
    ...expiryOf(input),
    ...(mayCreate === undefined ? {} : { mayCreateBucket: mayCreate }),
  }
}
