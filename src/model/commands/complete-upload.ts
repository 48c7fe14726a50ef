/** The change that turns an upload into the current version of its key: one step, repeatable. */

import type { ManifestId, UploadId } from '../../base/ids.ts'
import type { Command, CommandDefinition } from '../../table/schema.ts'
import {
  decodeChecksum,
  encodeChecksum,
  type Checksum,
  type StoredChecksum,
} from '../rows/checksum.ts'
import { conditionFailure, type WriteConditions } from '../rows/conditions.ts'
import { findUpload, type ObjectValue } from '../rows/object.ts'
import { decodeUploadChoices, endUpload, UPLOAD_SIDE } from '../rows/upload.ts'

export interface CompleteUploadFacts extends WriteConditions {
  readonly id: UploadId
  readonly size: number
  readonly etag: string
  readonly manifest: ManifestId
  readonly partCount: number
  readonly checksum: Checksum | undefined
}

interface Args extends Omit<CompleteUploadFacts, 'checksum'> {
  readonly checksum: StoredChecksum
}

export interface CompleteUploadAnswer {
  readonly etag: string
  readonly checksum: StoredChecksum
}

export function completeUploadCommand(facts: CompleteUploadFacts): Command {
  const args: Args = { ...facts, checksum: encodeChecksum(facts.checksum) }
  return { name: 'complete-upload', args }
}

/**
 * Answers `CompleteUploadAnswer`; of an upload that was completed with the same ETag the answer of
 * then. Refuses with `NoSuchUpload`, `InvalidPart` (completed with other parts), or a condition.
 */
export const completeUpload: CommandDefinition<ObjectValue> = {
  reads: (args) => [{ side: UPLOAD_SIDE, sortKey: (args as Args).id }],
  run({ value, sides, ballot, args }) {
    const facts = args as Args
    const upload = findUpload(value, facts.id)
    if (value === undefined || upload === undefined || upload.state === 'aborted') {
      return repeated(value, facts) ?? { kind: 'refuse', code: 'NoSuchUpload' }
    }
    if (upload.state === 'completed') {
      if (upload.etag !== facts.etag) return { kind: 'refuse', code: 'InvalidPart' }
      const answer: CompleteUploadAnswer = {
        etag: upload.etag,
        checksum: encodeChecksum(upload.checksum),
      }
      return { kind: 'answer', answer }
    }
    const failure = conditionFailure(value, facts)
    if (failure !== undefined) return failure
    const choices = sides[0] === undefined ? { metadata: [] } : decodeUploadChoices(sides[0])
    const checksum = decodeChecksum(facts.checksum)
    const answer: CompleteUploadAnswer = { etag: facts.etag, checksum: facts.checksum }
    return {
      kind: 'write',
      value: {
        current: {
          id: ballot.time,
          size: facts.size,
          etag: facts.etag,
          metadata: choices.metadata,
          body: facts.manifest,
          checksum,
          partCount: facts.partCount,
          upload: facts.id,
          ...(upload.sealing === undefined ? {} : { sealing: upload.sealing }),
        },
        uploads: endUpload(value, { ...upload, state: 'completed', etag: facts.etag, checksum }),
      },
      sides: [{ side: UPLOAD_SIDE, sortKey: facts.id, row: undefined }],
      answer,
    }
  },
}

/** While the object lives, its upload is recognised even when the directory has dropped it. */
function repeated(
  value: ObjectValue | undefined,
  facts: Args,
): { readonly kind: 'answer'; readonly answer: CompleteUploadAnswer } | undefined {
  const current = value?.current
  if (current?.upload !== facts.id || current.etag !== facts.etag) return undefined
  return {
    kind: 'answer',
    answer: { etag: current.etag, checksum: encodeChecksum(current.checksum) },
  }
}
