/** The changes of a bucket's register. */

import { BUCKET_KEYS_MAX, BUCKET_NAMES_MAX } from '../../base/limits.ts'
import type { AccessKeyId } from '../../base/ids.ts'
import type { Command, CommandDefinition } from '../../table/schema.ts'
import { hasName, type BucketName, type BucketValue, type LocalName } from '../rows/bucket.ts'
import { changedSettings, noSettings, type SettingsChange } from '../rows/bucket-settings.ts'
import {
  fullPermission,
  noPermission,
  permissionBits,
  permissionOf,
  type BucketPermission,
} from '../rows/permission.ts'

interface CreateArgs {
  /** That all see; absent of a bucket that only one key has a name for, or nobody. */
  readonly name?: string | undefined
  readonly local?: NamedByKey | undefined
  readonly owner?: AccessKeyId | undefined
  readonly shardCount: number
}

/** A key's own name for a new bucket, and what the key may do there. */
export interface NamedByKey extends LocalName {
  readonly permission: BucketPermission
}

export function createBucketCommand(args: CreateArgs): Command {
  return { name: 'create', args }
}

/** Writes the bucket as pending. Its owner gets every permission. */
export const createBucket: CommandDefinition<BucketValue> = {
  run({ value, ballot, args }) {
    const { name, local, owner, shardCount } = args as CreateArgs
    if (value !== undefined) return { kind: 'refuse', code: 'BucketAlreadyExists' }
    return {
      kind: 'write',
      value: {
        state: 'pending',
        createdMicros: ballot.time,
        shardCount,
        names: name === undefined ? [] : [name],
        localNames: local === undefined ? [] : [{ key: local.key, name: local.name }],
        keys: firstKeys(owner, local),
        settings: noSettings,
      },
      answer: true,
    }
  },
}

function firstKeys(
  owner: AccessKeyId | undefined,
  local: NamedByKey | undefined,
): ReadonlyMap<AccessKeyId, BucketPermission> {
  const keys = new Map<AccessKeyId, BucketPermission>()
  if (local !== undefined && permissionBits(local.permission) !== 0) {
    keys.set(local.key, local.permission)
  }
  if (owner !== undefined) keys.set(owner, fullPermission)
  return keys
}

export const publishBucketCommand: Command = { name: 'publish', args: null }

/** Pending becomes live. Refuses with `NoSuchBucket` when it was removed meanwhile. */
export const publishBucket: CommandDefinition<BucketValue> = {
  run({ value }) {
    if (value === undefined || value.state === 'deleted') {
      return { kind: 'refuse', code: 'NoSuchBucket' }
    }
    if (value.state === 'live') return { kind: 'answer', answer: true }
    return { kind: 'write', value: { ...value, state: 'live' }, answer: true }
  },
}

interface RemoveArgs {
  /** Only while it is pending: a name won meanwhile saves it. */
  readonly pendingOnly: boolean
}

export function removeBucketCommand(args: RemoveArgs): Command {
  return { name: 'remove', args }
}

/** Answers whether it is deleted now. */
export const removeBucket: CommandDefinition<BucketValue> = {
  run({ value, args }) {
    if (value === undefined || value.state === 'deleted') return { kind: 'answer', answer: true }
    if ((args as RemoveArgs).pendingOnly && value.state !== 'pending') {
      return { kind: 'answer', answer: false }
    }
    return { kind: 'write', value: { ...value, state: 'deleted', keys: new Map() }, answer: true }
  },
}

interface PermitArgs {
  readonly key: AccessKeyId
  /** Bits of `permissionBits`. */
  readonly allow: number
  readonly deny: number
}

export function permitKeyCommand(args: PermitArgs): Command {
  return { name: 'permit', args }
}

/** Sets and clears single permissions of a key. */
export const permitKey: CommandDefinition<BucketValue> = {
  run({ value, args }) {
    const { key, allow, deny } = args as PermitArgs
    if (value === undefined || value.state !== 'live') {
      return { kind: 'refuse', code: 'NoSuchBucket' }
    }
    const before = permissionBits(value.keys.get(key) ?? noPermission)
    const after = (before | allow) & ~deny
    if (after === before) return { kind: 'answer', answer: after }
    const keys = new Map(value.keys)
    if (after === 0) keys.delete(key)
    else keys.set(key, permissionOf(after))
    if (keys.size > BUCKET_KEYS_MAX) return { kind: 'refuse', code: 'SlowDown' }
    return { kind: 'write', value: { ...value, keys }, answer: after }
  },
}

export function changeSettingsCommand(change: SettingsChange): Command {
  return { name: 'settings', args: change }
}

/** Replaces or takes away single settings. */
export const changeSettings: CommandDefinition<BucketValue> = {
  run({ value, args }) {
    if (value === undefined || value.state !== 'live') {
      return { kind: 'refuse', code: 'NoSuchBucket' }
    }
    const settings = changedSettings(value.settings, args as SettingsChange)
    return { kind: 'write', value: { ...value, settings }, answer: true }
  },
}

export function addNameCommand(args: BucketName): Command {
  return { name: 'add-name', args }
}

/** Writes a name that was won down in the row. */
export const addName: CommandDefinition<BucketValue> = {
  run({ value, args }) {
    const { name, key } = args as BucketName
    if (value === undefined || value.state !== 'live') {
      return { kind: 'refuse', code: 'NoSuchBucket' }
    }
    if (hasName(value, { name, key })) return { kind: 'answer', answer: false }
    if (value.names.length + value.localNames.length >= BUCKET_NAMES_MAX) {
      return { kind: 'refuse', code: 'SlowDown' }
    }
    const named =
      key === undefined
        ? { names: [...value.names, name] }
        : { localNames: [...value.localNames, { key, name }] }
    return { kind: 'write', value: { ...value, ...named }, answer: true }
  },
}

interface DropArgs extends BucketName {
  /** It is no name of the bucket any more: it goes though it is the last one. */
  readonly isLost?: boolean
}

export function dropNameCommand(args: DropArgs): Command {
  return { name: 'drop-name', args }
}

/** Refuses with `LastBucketName` when the bucket has no other. Answers whether it had it. */
export const dropName: CommandDefinition<BucketValue> = {
  run({ value, args }) {
    const { name, key, isLost } = args as DropArgs
    if (value === undefined || value.state !== 'live') {
      return { kind: 'refuse', code: 'NoSuchBucket' }
    }
    if (!hasName(value, { name, key })) return { kind: 'answer', answer: false }
    if (isLost !== true && value.names.length + value.localNames.length === 1) {
      return { kind: 'refuse', code: 'LastBucketName' }
    }
    const named =
      key === undefined
        ? { names: value.names.filter((one) => one !== name) }
        : { localNames: value.localNames.filter((one) => one.key !== key || one.name !== name) }
    return { kind: 'write', value: { ...value, ...named }, answer: true }
  },
}

export function forgetKeyCommand(key: AccessKeyId): Command {
  return { name: 'forget-key', args: key }
}

/** A key is gone: its permissions and its names go, though no name be left. */
export const forgetKey: CommandDefinition<BucketValue> = {
  run({ value, args }) {
    if (value === undefined || value.state !== 'live') {
      return { kind: 'refuse', code: 'NoSuchBucket' }
    }
    const localNames = value.localNames.filter((one) => one.key !== args)
    const keys = new Map(value.keys)
    const had = keys.delete(args as AccessKeyId)
    if (!had && localNames.length === value.localNames.length) {
      return { kind: 'answer', answer: false }
    }
    return { kind: 'write', value: { ...value, keys, localNames }, answer: true }
  },
}
