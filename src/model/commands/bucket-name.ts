/** The changes of a name: won by one bucket, given back by that bucket only. */

import type { BucketId } from '../../base/ids.ts'
import type { Command, CommandDefinition } from '../../table/schema.ts'

/** What the register of a name holds. */
export interface BucketNameValue {
  readonly bucket: BucketId | undefined
}

interface Args {
  readonly bucket: BucketId
}

export function claimNameCommand(bucket: BucketId): Command {
  const args: Args = { bucket }
  return { name: 'claim', args }
}

/** Refuses with `BucketAlreadyExists` when another bucket has it. */
export const claimName: CommandDefinition<BucketNameValue> = {
  run({ value, args }) {
    const { bucket } = args as Args
    if (value?.bucket === bucket) return { kind: 'answer', answer: true }
    if (value?.bucket !== undefined) {
      return { kind: 'refuse', code: 'BucketAlreadyExists', details: { bucket: value.bucket } }
    }
    return { kind: 'write', value: { bucket }, answer: true }
  },
}

export function releaseNameCommand(bucket: BucketId): Command {
  const args: Args = { bucket }
  return { name: 'release', args }
}

export const releaseName: CommandDefinition<BucketNameValue> = {
  run({ value, args }) {
    if (value?.bucket !== (args as Args).bucket) return { kind: 'answer', answer: false }
    return { kind: 'write', value: { bucket: undefined }, answer: true }
  },
}
