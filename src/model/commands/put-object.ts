/** The change that makes an object the current version of its key. */

import type { Command, CommandDefinition } from '../../table/schema.ts'
import {
  encodeChecksum,
  decodeChecksum,
  type Checksum,
  type StoredChecksum,
} from '../rows/checksum.ts'
import { conditionFailure, type WriteConditions } from '../rows/conditions.ts'
import type { Metadata, ObjectBody, ObjectValue } from '../rows/object.ts'

export interface PutObjectFacts extends WriteConditions {
  readonly size: number
  readonly etag: string
  readonly metadata: Metadata
  readonly body: ObjectBody
  readonly checksum: Checksum | undefined
}

interface Args extends Omit<PutObjectFacts, 'checksum'> {
  readonly checksum: StoredChecksum
}

export function putObjectCommand(facts: PutObjectFacts): Command {
  const args: Args = { ...facts, checksum: encodeChecksum(facts.checksum) }
  return { name: 'put-object', args }
}

/** Answers the ETag. Refuses with `PreconditionFailed` or `ConditionNotFound`. */
export const putObject: CommandDefinition<ObjectValue> = {
  run({ value, ballot, args }) {
    const facts = args as Args
    const failure = conditionFailure(value, facts)
    if (failure !== undefined) return failure
    return {
      kind: 'write',
      value: {
        current: {
          id: ballot.time,
          size: facts.size,
          etag: facts.etag,
          metadata: facts.metadata,
          body: facts.body,
          checksum: decodeChecksum(facts.checksum),
          partCount: undefined,
          upload: undefined,
        },
        uploads: value?.uploads ?? [],
      },
      answer: facts.etag,
    }
  },
}
