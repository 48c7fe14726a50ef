/** The sealer that all nodes of a cluster share: its key goes to those that join. */

import { hkdfSync } from 'node:crypto'
import { base64Of, fromBase64, hexOf } from '../../base/bytes.ts'
import type { Rng } from '../../base/rng.ts'
import {
  CLUSTER_SECRET_KEY,
  decodeSecret,
  putSecretCommand,
  rewrapSecretCommand,
  type ClusterSecret,
} from '../../model/cluster-secret.table.ts'
import { SecretSealer } from '../../model/secret-sealer.ts'
import type { ModelTables } from '../../model/tables.ts'
import type { RegisterRef, Tables } from '../../table/table.ts'
import { StoreError } from '../errors.ts'

const MARK_BYTES = 8

/** Gives the sealer of this node. */
export interface Sealers {
  /** Opens what any node of the cluster sealed. @throws {StoreError} `Unavailable` */
  forOpening(): SecretSealer | Promise<SecretSealer>
  /** Seals what every node will be able to open. @throws as a change, and the above */
  forSealing(): Promise<SecretSealer>
}

/** Of a node that speaks to no other. */
export function ownSealer(key: Uint8Array, rng: Rng): Sealers {
  const sealer = new SecretSealer(key, rng)
  return { forOpening: () => sealer, forSealing: () => Promise.resolve(sealer) }
}

export interface ClusterSealerOptions {
  readonly tables: Pick<Tables, 'get' | 'change'>
  readonly model: Pick<ModelTables, 'clusterSecret'>
  readonly rng: Rng
  /** This node's key. */
  readonly own: Uint8Array
  /** What every node of the cluster has in its settings; then what it had before. */
  readonly rpcSecrets: readonly Uint8Array[]
  /** Keeps another key instead of its own; resolves when that will survive a crash. */
  readonly replace: (key: Uint8Array) => Promise<void>
}

/**
 * Nothing is sealed with a key that is not in the cluster's register: whoever seals first puts its
 * own there, unless another came before, and then it takes that one.
 */
export class ClusterSealers implements Sealers {
  readonly #options: ClusterSealerOptions
  readonly #ref: RegisterRef<ClusterSecret>
  /** Under the secret of now, then under those before. */
  readonly #wrappers: readonly SecretSealer[]
  #shared: SecretSealer | undefined

  constructor(options: ClusterSealerOptions) {
    this.#options = options
    const { model, rng, rpcSecrets } = options
    this.#ref = {
      ...{ table: model.clusterSecret, partitionKey: CLUSTER_SECRET_KEY, key: CLUSTER_SECRET_KEY },
    }
    this.#wrappers = rpcSecrets.map(
      (secret) => new SecretSealer(derive(secret, 'hangar cluster secret', 32), rng),
    )
  }

  forOpening(): SecretSealer | Promise<SecretSealer> {
    return this.#shared ?? this.#find()
  }

  async forSealing(): Promise<SecretSealer> {
    if (this.#shared !== undefined) return this.#shared
    const { tables, own } = this.#options
    const answer = await tables.change(this.#ref, putSecretCommand(this.#wrapped(own)))
    return this.#take(decodeSecret(answer))
  }

  async #find(): Promise<SecretSealer> {
    const { tables, own, rng } = this.#options
    const found = await tables.get(this.#ref)
    // Sealed before this node had a secret to share.
    if (found === undefined) return new SecretSealer(own, rng)
    return this.#take(found)
  }

  async #take({ mark, sealed }: ClusterSecret): Promise<SecretSealer> {
    const { own, rng, replace } = this.#options
    const opened = this.#unwrap(sealed)
    let key = own
    if (mark !== markOf(own)) {
      if (opened === undefined) throw underAnotherSecret()
      key = opened.key
      await replace(key)
    }
    this.#shared ??= new SecretSealer(key, rng)
    if (opened?.isOfNow !== true) this.#rewrap(key)
    return this.#shared
  }

  /** So that nodes which only know the secret of now can take it. Whoever comes next tries again. */
  #rewrap(key: Uint8Array): void {
    const { tables } = this.#options
    tables.change(this.#ref, rewrapSecretCommand(this.#wrapped(key))).catch(() => {
      this.#shared = undefined
    })
  }

  #wrapped(key: Uint8Array): ClusterSecret {
    const sealed = this.#wrappers[0]!.seal(CLUSTER_SECRET_KEY, base64Of(key))
    return { mark: markOf(key), sealed }
  }

  #unwrap(sealed: Uint8Array): { readonly key: Uint8Array; readonly isOfNow: boolean } | undefined {
    for (const [index, wrapper] of this.#wrappers.entries()) {
      try {
        const key = Uint8Array.from(fromBase64(wrapper.open(CLUSTER_SECRET_KEY, sealed))!)
        return { key, isOfNow: index === 0 }
      } catch {
        // Perhaps an earlier one opens it.
      }
    }
    return undefined
  }
}

function underAnotherSecret(): StoreError {
  return new StoreError(
    'Unavailable',
    "Cannot read the secrets of the access keys: the cluster's key for them lies under another " +
      'rpc_secret than this node has. It is brought under the new one by any node that has the ' +
      'key, once that is up; or name the secret before in rpc_secret_previous and start it again',
  )
}

function markOf(key: Uint8Array): string {
  return hexOf(derive(key, 'hangar sealing key mark', MARK_BYTES))
}

/** Source: RFC 5869, with SHA-256. */
function derive(secret: Uint8Array, purpose: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), purpose, length))
}
