/** Buckets as the admin API finds and shows them. */

import { isBucketId } from '../../base/ids.ts'
import type { Bucket } from '../../model/rows/bucket.ts'
import { findAccessKey } from '../../store/access-key.ts'
import { bucketUsage, findBucketByName, listBuckets } from '../../store/bucket/bucket.ts'
import { bucketById } from '../../store/store.ts'
import type { BucketAnswer } from './answers.ts'
import { AdminError } from './errors.ts'
import { fields, flag, optional, text } from './input.ts'
import type { AdminCall, AdminContext } from './operation.ts'
import { parameter } from './operation.ts'
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

/** Source: Garage v2 admin API, BucketInfo. */
export async function bucketAnswer(context: AdminContext, bucket: Bucket): Promise<BucketAnswer> {
  const usage = await bucketUsage(context.store, bucket.id)
  const unfinished =
    usage.uploads === 0 ? { parts: 0, bytes: 0 } : await unfinishedParts(context.store, bucket.id)
  const keys: BucketAnswer['keys'][number][] = []
  for (const [id, { read, write, owner }] of bucket.keys) {
    const key = await findAccessKey(context.store, id)
    if (key === undefined) continue
    keys.push({
      accessKeyId: id,
      name: key.name,
      permissions: { read, write, owner },
      bucketLocalAliases: [],
    })
  }
  return {
    id: bucket.id,
    created: timeText(bucket.createdMicros),
    globalAliases: bucket.names,
    websiteAccess: false,
    websiteConfig: null,
    keys,
    objects: usage.objects,
    bytes: usage.bytes,
    unfinishedUploads: usage.uploads,
    unfinishedMultipartUploads: usage.uploads,
    unfinishedMultipartUploadParts: unfinished.parts,
    unfinishedMultipartUploadBytes: unfinished.bytes,
    quotas: { maxSize: null, maxObjects: null },
  }
}

/** The body of AllowBucketKey and DenyBucketKey; only `true` flags act. */
export const permissionInput = fields({
  bucketId: text,
  accessKeyId: text,
  permissions: fields({ read: optional(flag), write: optional(flag), owner: optional(flag) }),
})
