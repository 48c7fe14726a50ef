/** The changes of an access key. */

import { KEY_NAMES_MAX } from '../../base/limits.ts'
import type { BucketId } from '../../base/ids.ts'
import type { Command, CommandDefinition } from '../../table/schema.ts'
import type { AccessKeyValue } from '../rows/access-key.ts'
import { deleteOf, updateOf } from '../rows/credential.ts'

interface CreateArgs {
  readonly name: string
  readonly sealedSecret: Uint8Array
  readonly expiresMicros?: number | undefined
  readonly mayCreateBucket: boolean
}

export function createKeyCommand(args: CreateArgs): Command {
  return { name: 'create', args }
}

/** Refuses with `KeyAlreadyExists` when the id was ever used. */
export const createKey: CommandDefinition<AccessKeyValue> = {
  run({ value, ballot, args }) {
    const { name, sealedSecret, expiresMicros, mayCreateBucket } = args as CreateArgs
    if (value !== undefined) return { kind: 'refuse', code: 'KeyAlreadyExists' }
    return {
      kind: 'write',
      value: {
        deleted: false,
        name,
        sealedSecret,
        createdMicros: ballot.time,
        expiresMicros,
        mayCreateBucket,
        localNames: new Map(),
      },
      answer: true,
    }
  },
}

/** Absent fields stay as they are. */
export interface AccessKeyUpdate {
  readonly name?: string | undefined
  /** `never` takes the end away. */
  readonly expiresMicros?: number | 'never' | undefined
  readonly mayCreateBucket?: boolean | undefined
}

export function updateKeyCommand(args: AccessKeyUpdate): Command {
  return { name: 'update', args }
}

export const updateKey = updateOf<AccessKeyValue>('NoSuchAccessKey', ['name', 'mayCreateBucket'])

export const deleteKeyCommand: Command = { name: 'delete', args: null }

/** Its names go too. */
export const deleteKey = deleteOf<AccessKeyValue>('NoSuchAccessKey', {
  sealedSecret: new Uint8Array(0),
  localNames: new Map(),
})

interface NameArgs {
  readonly name: string
  readonly bucket: BucketId
}

export function claimLocalNameCommand(name: string, bucket: BucketId): Command {
  const args: NameArgs = { name, bucket }
  return { name: 'claim-name', args }
}

/** Refuses with `BucketAlreadyExists` when the key calls another bucket so; claims anew as names do. */
export const claimLocalName: CommandDefinition<AccessKeyValue> = {
  run({ value, ballot, args }) {
    const { name, bucket } = args as NameArgs
    if (value === undefined || value.deleted) return { kind: 'refuse', code: 'NoSuchAccessKey' }
    const before = value.localNames.get(name)?.bucket
    if (before !== undefined && before !== bucket) {
      return { kind: 'refuse', code: 'BucketAlreadyExists', details: { bucket: before } }
    }
    const isNew = before === undefined
    if (isNew && value.localNames.size >= KEY_NAMES_MAX) return { kind: 'refuse', code: 'SlowDown' }
    const claim = { bucket, claimedMicros: ballot.time }
    const localNames = new Map([...value.localNames, [name, claim]])
    return { kind: 'write', value: { ...value, localNames }, answer: true }
  },
}

interface ReleaseArgs extends NameArgs {
  /** Only this claim. */
  readonly claimedMicros?: number
}

export function releaseLocalNameCommand(args: ReleaseArgs): Command {
  return { name: 'release-name', args }
}

/** Answers whether the bucket had it. */
export const releaseLocalName: CommandDefinition<AccessKeyValue> = {
  run({ value, args }) {
    const { name, bucket, claimedMicros } = args as ReleaseArgs
    const claim = value?.localNames.get(name)
    if (value === undefined || claim?.bucket !== bucket) return { kind: 'answer', answer: false }
    if (claimedMicros !== undefined && claim.claimedMicros !== claimedMicros) {
      return { kind: 'answer', answer: false }
    }
    const localNames = new Map(value.localNames)
    localNames.delete(name)
    return { kind: 'write', value: { ...value, localNames }, answer: true }
  },
}
