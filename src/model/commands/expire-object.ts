/** The change that ends an object by a rule: only the version that the rule was held against. */

import type { Command, CommandDefinition } from '../../table/schema.ts'
import type { ObjectValue } from '../rows/object.ts'

interface Args {
  /** Of the version. */
  readonly id: number
}

export function expireObjectCommand(id: number): Command {
  const args: Args = { id }
  return { name: 'expire-object', args }
}

/** Answers whether it was still that version; of any other nothing is changed. */
export const expireObject: CommandDefinition<ObjectValue> = {
  run({ value, args }) {
    const { id } = args as Args
    if (value?.current?.id !== id) return { kind: 'answer', answer: false }
    return { kind: 'write', value: { current: undefined, uploads: value.uploads }, answer: true }
  },
}
