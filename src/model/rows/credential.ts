/** What access keys and admin tokens have in common, and the changes of it. */

import type { CommandDefinition } from '../../table/schema.ts'

interface Credential {
  /** Ids are not used again. */
  readonly deleted: boolean
  readonly expiresMicros: number | undefined
}

/**
 * Sets what is not absent of some fields, and the end; `never` takes that away.
 *
 * @param missing what it refuses with when there is none
 */
export function updateOf<Value extends Credential>(
  missing: string,
  fields: readonly (keyof Value)[],
): CommandDefinition<Value> {
  return {
    run({ value, args }) {
      if (value === undefined || value.deleted) return { kind: 'refuse', code: missing }
      const { expiresMicros: end } = args as { readonly expiresMicros?: number | 'never' }
      const update = args as Partial<Value>
      const named = fields.map((field) => [field, update[field] ?? value[field]] as const)
      const expires = end ?? value.expiresMicros
      const expiresMicros = expires === 'never' ? undefined : expires
      const changed = { ...value, ...Object.fromEntries(named), expiresMicros }
      return { kind: 'write', value: changed, answer: true }
    },
  }
}

/** The secret leaves the row; the id stays taken. @param emptied what a deleted one has */
export function deleteOf<Value extends Credential>(
  missing: string,
  emptied: Partial<Value>,
): CommandDefinition<Value> {
  return {
    run({ value }) {
      if (value === undefined || value.deleted) return { kind: 'refuse', code: missing }
      return { kind: 'write', value: { ...value, ...emptied, deleted: true }, answer: true }
    },
  }
}
