/** Buckets as the admin API finds and shows them. */

import { isBucketId } from '../../base/ids.ts'
import type { Bucket, BucketName } from '../../model/rows/bucket.ts'
import { noPermission, type BucketPermission } from '../../model/rows/permission.ts'
import { findAccessKey } from '../../store/access-key.ts'
import {
  bucketUsage,
  findBucketByName,
  listBuckets,
  type allowKey,
} from '../../store/bucket/bucket.ts'
import { bucketById } from '../../store/store.ts'
import { bucketShape, type BucketAnswer } from './answers.ts'
import { AdminError } from './errors.ts'
import { fields, flag, optional, shape, text, type Shaped } from './input.ts'
import { keyById } from './keys.ts'
import type { AdminCall, AdminContext, AdminOperation, QueryParameter } from './operation.ts'
import { garageOperation, parameter } from './operation.ts'
import { timeText } from './times.ts'
import { unfinishedParts } from './unfinished.ts'

/** @throws {AdminError} `NoSuchBucket` */
export async function bucketByText(context: AdminContext, id: string): Promise<Bucket> {
  if (!isBucketId(id)) throw noSuchBucket(id)
  return bucketById(context.store, id)
}

/**
 * The bucket that one of `id`, `globalAlias` and `search` names.
 *
 * @throws {AdminError} `NoSuchBucket`, `InvalidRequest`
 */
export async function bucketOfCall(context: AdminContext, call: AdminCall): Promise<Bucket> {
  const [id, alias, search] = ['id', 'globalAlias', 'search'].map((name) => parameter(call, name))
  if ([id, alias, search].filter((value) => value !== undefined).length !== 1) {
    throw new AdminError(
      'InvalidRequest',
      'Cannot look for a bucket: give exactly one of "id", "globalAlias" and "search"',
    )
  }
  if (id !== undefined) return bucketByText(context, id)
  const named = await findBucketByName(context.store, (alias ?? search)!)
  if (named !== undefined) return named
  if (search === undefined) throw noSuchBucket(alias!)
  return bucketByPrefix(context, search)
}

async function bucketByPrefix(context: AdminContext, prefix: string): Promise<Bucket> {
  const all = /^[0-9a-f]+$/i.test(prefix) ? await listBuckets(context.store) : []
  const [first, second] = all.filter(({ id }) => id.startsWith(prefix.toLowerCase()))
  if (first === undefined) throw noSuchBucket(prefix)
  if (second === undefined) return bucketById(context.store, first.id)
  throw new AdminError('InvalidRequest', `Cannot choose: several bucket ids begin with "${prefix}"`)
}

function noSuchBucket(name: string): AdminError {
  return new AdminError('NoSuchBucket', `Cannot find bucket "${name.slice(0, 100)}"`)
}

/** The parameters of a call that `bucketOfCall` reads. */
export const bucketQuery: readonly QueryParameter[] = [
  { name: 'id', sentence: 'Its whole id' },
  { name: 'globalAlias', sentence: 'A name that all see' },
  { name: 'search', sentence: 'A name that all see, or the first digits of its id' },
]

/** Source: Garage v2 admin API, BucketInfo. */
export async function bucketAnswer(context: AdminContext, bucket: Bucket): Promise<BucketAnswer> {
  const usage = await bucketUsage(context.store, bucket.id)
  const unfinished =
    usage.uploads === 0 ? { parts: 0, bytes: 0 } : await unfinishedParts(context.store, bucket.id)
  const { website, quotas } = bucket.settings
  return {
    id: bucket.id,
    created: timeText(bucket.createdMicros),
    globalAliases: bucket.names,
    websiteAccess: website !== undefined,
    websiteConfig:
      website === undefined || 'redirectAll' in website
        ? null
        : {
            indexDocument: website.indexDocument,
            errorDocument: website.errorDocument ?? null,
          },
    keys: await keysOf(context, bucket),
    objects: usage.objects,
    bytes: usage.bytes,
    unfinishedUploads: usage.uploads,
    unfinishedMultipartUploads: usage.uploads,
    unfinishedMultipartUploadParts: unfinished.parts,
    unfinishedMultipartUploadBytes: unfinished.bytes,
    quotas: { maxSize: quotas?.maxBytes ?? null, maxObjects: quotas?.maxObjects ?? null },
  }
}

/** Those that may use it, and those that have a name for it. */
async function keysOf({ store }: AdminContext, bucket: Bucket): Promise<BucketAnswer['keys']> {
  const ids = new Set([...bucket.keys.keys(), ...bucket.localNames.map(({ key }) => key)])
  const found = await Promise.all([...ids].map(async (id) => findAccessKey(store, id)))
  return found.flatMap((key) => {
    if (key === undefined) return []
    const { read, write, owner } = bucket.keys.get(key.id) ?? noPermission
    return [
      {
        accessKeyId: key.id,
        name: key.name,
        permissions: { read, write, owner },
        bucketLocalAliases: bucket.localNames
          .filter((local) => local.key === key.id)
          .map(({ name }) => name),
      },
    ]
  })
}

const flags = { read: optional(flag), write: optional(flag), owner: optional(flag) }

/** Flags of a body that are absent are false. */
export const permissions = shape<BucketPermission>(fields(flags).schema, (value, at, unknown) => ({
  ...noPermission,
  ...defined(fields(flags)(value, at, unknown)),
}))

function defined(given: Readonly<Record<string, boolean | undefined>>): Partial<BucketPermission> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

/** The body of AllowBucketKey and DenyBucketKey; only `true` flags act. */
const permissionInput = fields({ bucketId: text, accessKeyId: text, permissions })

/** AllowBucketKey or DenyBucketKey. */
export function permissionOperation(name: string, change: typeof allowKey): AdminOperation {
  return garageOperation(
    'POST',
    name,
    async (context, call) => {
      const { bucketId, accessKeyId, permissions: permission } = call.input(permissionInput)
      const { id: bucket } = await bucketByText(context, bucketId)
      const { id: key } = await keyById(context, accessKeyId)
      return bucketAnswer(context, await change(context.store, { bucket, key, permission }))
    },
    { input: permissionInput, answer: bucketShape },
  )
}

/** Generated clients send each field, and leave those empty that they do not mean. */
const word = shape<string | undefined>(optional(text).schema, (value, at, unknown) => {
  const read = optional(text)(value, at, unknown)
  return read === '' ? undefined : read
})
const unmeant = Object.assign(word, { absent: true as const })

/** The body of AddBucketAlias and RemoveBucketAlias. */
export const aliasInput = fields({
  bucketId: text,
  globalAlias: unmeant,
  localAlias: unmeant,
  accessKeyId: unmeant,
})

/**
 * The name that a body tells of, for all or for one key.
 *
 * @throws {AdminError} `InvalidRequest`, `NoSuchAccessKey`
 */
export async function nameOfInput(
  context: AdminContext,
  { globalAlias, localAlias, accessKeyId }: Shaped<typeof aliasInput>,
): Promise<BucketName> {
  if (globalAlias !== undefined && localAlias === undefined && accessKeyId === undefined) {
    return { name: globalAlias }
  }
  if (globalAlias === undefined && localAlias !== undefined && accessKeyId !== undefined) {
    return { name: localAlias, key: (await keyById(context, accessKeyId)).id }
  }
  const wanted = 'give "globalAlias", or "localAlias" with "accessKeyId"'
  throw new AdminError('InvalidRequest', `Cannot tell which alias is meant: ${wanted}`)
}
