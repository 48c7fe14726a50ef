/** The changes of an admin token. */

import type { Command, CommandDefinition } from '../../table/schema.ts'
import type { AdminTokenValue } from '../rows/admin-token.ts'
import { deleteOf, updateOf } from '../rows/credential.ts'

interface CreateArgs {
  readonly name: string
  readonly digest: Uint8Array
  readonly expiresMicros?: number | undefined
  readonly scope: readonly string[]
}

export function createTokenCommand(args: CreateArgs): Command {
  return { name: 'create', args }
}

export const createToken: CommandDefinition<AdminTokenValue> = {
  run({ value, ballot, args }) {
    if (value !== undefined) return { kind: 'refuse', code: 'KeyAlreadyExists' }
    const { name, digest, expiresMicros, scope } = args as CreateArgs
    const createdMicros = ballot.time
    return {
      kind: 'write',
      value: { deleted: false, name, digest, createdMicros, expiresMicros, scope },
      answer: true,
    }
  },
}

/** Absent fields stay as they are. */
export interface AdminTokenUpdate {
  readonly name?: string | undefined
  /** `never` takes the end away. */
  readonly expiresMicros?: number | 'never' | undefined
  readonly scope?: readonly string[] | undefined
}

export function updateTokenCommand(args: AdminTokenUpdate): Command {
  return { name: 'update', args }
}

export const updateToken = updateOf<AdminTokenValue>('NoSuchAdminToken', ['name', 'scope'])

export const deleteTokenCommand: Command = { name: 'delete', args: null }

export const deleteToken = deleteOf<AdminTokenValue>('NoSuchAdminToken', {
  digest: new Uint8Array(0),
})
