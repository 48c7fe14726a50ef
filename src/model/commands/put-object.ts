/** The changes that make an object the current version of its key: one that is put, or a copy. */

import type { Command, CommandDefinition } from '../../table/schema.ts'
import {
  encodeChecksum,
  decodeChecksum,
  type Checksum,
  type StoredChecksum,
} from '../rows/checksum.ts'
import { conditionFailure, type WriteConditions } from '../rows/conditions.ts'
import type { Metadata, ObjectBody, ObjectValue } from '../rows/object.ts'
import { decodeSealing, encodeSealing, type Sealing, type StoredSealing } from '../rows/sealing.ts'

export interface PutObjectFacts extends WriteConditions {
  readonly size: number
  readonly etag: string
  readonly metadata: Metadata
  readonly body: ObjectBody
  readonly checksum: Checksum | undefined
  readonly sealing?: Sealing | undefined
}

interface Args extends Omit<PutObjectFacts, 'checksum' | 'sealing'> {
  readonly checksum: StoredChecksum
  readonly sealing: StoredSealing
}

export function putObjectCommand(facts: PutObjectFacts): Command {
  const { checksum, sealing } = facts
  const args: Args = {
    ...facts,
    checksum: encodeChecksum(checksum),
    sealing: encodeSealing(sealing),
  }
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
          ...decodeSealing(facts.sealing),
        },
        uploads: value?.uploads ?? [],
      },
      answer: facts.etag,
    }
  },
}

/** What a copy comes to: its ETag, and the time of its version. */
export type CopyObjectAnswer = readonly [etag: string, modifiedMicros: number]

export function copyObjectCommand(facts: PutObjectFacts): Command {
  return { name: 'copy-object', args: putObjectCommand(facts).args }
}

/** Answers `CopyObjectAnswer`. Refuses as `put-object` does. */
export const copyObject: CommandDefinition<ObjectValue> = {
  run(input) {
    const outcome = putObject.run(input)
    if (outcome.kind !== 'write') return outcome
    const answer: CopyObjectAnswer = [outcome.value.current!.etag, input.ballot.time]
    return { ...outcome, answer }
  },
}

export const recallCommand: Command = { name: 'recall', args: null }

/** The refusal of `recallCommand`. */
export const NOT_REMEMBERED = 'NotRemembered'

/**
 * Does nothing. Sent under the id of an operation it gets the answer that the key remembers of it;
 * refuses with `NOT_REMEMBERED`, and the time of that, where it remembers none.
 */
export const recall: CommandDefinition<ObjectValue> = {
  run: ({ ballot }) => ({ kind: 'refuse', code: NOT_REMEMBERED, details: { time: ballot.time } }),
}
