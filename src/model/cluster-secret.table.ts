/** The one secret that a cluster keeps among its rows, sealed under another that no row holds. */

import type { Command, CommandDefinition } from '../table/schema.ts'
import { defineRegister, type RegisterTable } from '../table/schema.ts'

/** Partition key and key of the register. */
export const CLUSTER_SECRET_KEY = 'cluster-secret'

/** What the secrets of access keys are sealed with, on every node. */
export interface ClusterSecret {
  /** Tells one key from another and says nothing of it: hex. */
  readonly mark: string
  readonly sealed: Uint8Array
}

type StoredSecret = readonly [mark: string, sealed: Uint8Array]

/** Puts it there unless one is there; answers the one that is. */
export function putSecretCommand({ mark, sealed }: ClusterSecret): Command {
  const args: StoredSecret = [mark, sealed]
  return { name: 'put', args }
}

export const putSecret: CommandDefinition<ClusterSecret> = {
  run({ value, args }) {
    if (value !== undefined) return { kind: 'answer', answer: [value.mark, value.sealed] }
    return { kind: 'write', value: decodeSecret(args), answer: args }
  },
}

/** Puts the same key there under another secret; answers the one that is there. */
export function rewrapSecretCommand({ mark, sealed }: ClusterSecret): Command {
  const args: StoredSecret = [mark, sealed]
  return { name: 'rewrap', args }
}

export const rewrapSecret: CommandDefinition<ClusterSecret> = {
  run({ value, args }) {
    const next = decodeSecret(args)
    if (value === undefined || value.mark === next.mark) {
      return { kind: 'write', value: next, answer: args }
    }
    return { kind: 'answer', answer: [value.mark, value.sealed] }
  },
}

export function decodeSecret(stored: unknown): ClusterSecret {
  const [mark, sealed] = stored as StoredSecret
  return { mark, sealed }
}

/** @param touched told when it is put */
export function buildClusterSecretTable(touched: () => void): RegisterTable<ClusterSecret> {
  return defineRegister<ClusterSecret>({
    name: 'cluster-secret',
    tag: 'x',
    placement: 'hash',
    sides: [],
    indexes: [],
    commands: { put: putSecret, rewrap: rewrapSecret },
    version: 1,
    encode: ({ mark, sealed }) => [mark, sealed],
    decode(stored, version) {
      if (version !== 1) {
        throw new TypeError(`Cannot read a secret of a cluster: its format is ${version}, wanted 1`)
      }
      return decodeSecret(stored)
    },
    updated: touched,
  })
}
