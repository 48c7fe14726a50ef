/** The changes of a bucket's register. */

import { BUCKET_KEYS_MAX } from '../../base/limits.ts'
import type { AccessKeyId } from '../../base/ids.ts'
import type { Command, CommandDefinition } from '../../table/schema.ts'
import type { BucketValue } from '../rows/bucket.ts'
import { changedSettings, noSettings, type SettingsChange } from '../rows/bucket-settings.ts'
import { fullPermission, noPermission, permissionBits, permissionOf } from '../rows/permission.ts'

interface CreateArgs {
  readonly name: string
  readonly owner?: AccessKeyId | undefined
  readonly shardCount: number
}

export function createBucketCommand(args: CreateArgs): Command {
  return { name: 'create', args }
}

/** Writes the bucket as pending. Its owner gets every permission. */
export const createBucket: CommandDefinition<BucketValue> = {
  run({ value, ballot, args }) {
    const { name, owner, shardCount } = args as CreateArgs
    if (value !== undefined) return { kind: 'refuse', code: 'BucketAlreadyExists' }
    return {
      kind: 'write',
      value: {
        state: 'pending',
        createdMicros: ballot.time,
        shardCount,
        names: [name],
        localNames: [],
        keys: new Map(owner === undefined ? [] : [[owner, fullPermission]]),
        settings: noSettings,
      },
      answer: true,
    }
  },
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
