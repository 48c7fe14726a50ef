/** The changes of a name: won by one bucket, given back by that bucket only. */

import type { BucketId } from '../../base/ids.ts'
import type { Command, CommandDefinition } from '../../table/schema.ts'
import type { NameClaim } from '../rows/bucket.ts'

/** What the register of a name holds; undefined: it is free. */
export type BucketNameValue = NameClaim | { readonly bucket: undefined }

interface Args {
  readonly bucket: BucketId
}

export function claimNameCommand(bucket: BucketId): Command {
  const args: Args = { bucket }
  return { name: 'claim', args }
}

/**
 * Refuses with `BucketAlreadyExists` when another bucket has it. The same bucket claims anew: who
 * was about to take the claim from it that he saw does not take this one.
 */
export const claimName: CommandDefinition<BucketNameValue> = {
  run({ value, ballot, args }) {
    const { bucket } = args as Args
    if (value?.bucket !== undefined && value.bucket !== bucket) {
      return { kind: 'refuse', code: 'BucketAlreadyExists', details: { bucket: value.bucket } }
    }
    return { kind: 'write', value: { bucket, claimedMicros: ballot.time }, answer: true }
  },
}

interface ReleaseArgs extends Args {
  /** Only this claim. */
  readonly claimedMicros?: number | undefined
}

/** @param claim of a bucket that stays: with its time, so that a newer claim is left alone */
export function releaseNameCommand(claim: ReleaseArgs): Command {
  const { bucket, claimedMicros } = claim
  const args: ReleaseArgs = claimedMicros === undefined ? { bucket } : { bucket, claimedMicros }
  return { name: 'release', args }
}

export const releaseName: CommandDefinition<BucketNameValue> = {
  run({ value, args }) {
    const { bucket, claimedMicros } = args as ReleaseArgs
    if (value?.bucket !== bucket) return { kind: 'answer', answer: false }
    if (claimedMicros !== undefined && value.claimedMicros !== claimedMicros) {
      return { kind: 'answer', answer: false }
    }
    return { kind: 'write', value: { bucket: undefined }, answer: true }
  },
}
