/** The change after which a key has no current version. */

import type { Command, CommandDefinition } from '../../table/schema.ts'
import { conditionFailure } from '../rows/conditions.ts'
import type { ObjectValue } from '../rows/object.ts'

interface Args {
  readonly ifMatch?: string | undefined
}

export function deleteObjectCommand(ifMatch?: string): Command {
  const args: Args = { ifMatch }
  return { name: 'delete-object', args }
}

/** Answers whether there was an object. Deleting an absent one writes nothing. */
export const deleteObject: CommandDefinition<ObjectValue> = {
  run({ value, args }) {
    const failure = conditionFailure(value, args as Args)
    if (failure !== undefined) return failure
    if (value?.current === undefined) return { kind: 'answer', answer: false }
    return { kind: 'write', value: { current: undefined, uploads: value.uploads }, answer: true }
  },
}
