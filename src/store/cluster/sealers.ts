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
import { ACCESS_KEY_INDEX } from '../../model/access-key.table.ts'
import { ACCESS_KEYS } from '../../model/rows/access-key.ts'
import { SecretSealer } from '../../model/secret-sealer.ts'
import type { ModelTables } from '../../model/tables.ts'
import type { RegisterRef, Tables } from '../../table/table.ts'
import { StoreError } from '../errors.ts'

const MARK_BYTES = 8
/** Access keys of which one is tried; those that are deleted meanwhile say nothing. */
const KEYS_TRIED = 100

/** Gives the sealer of this node. */
export interface Sealers {
  /** Opens what any node of the cluster sealed. @throws {StoreError} `Unavailable` */
  forOpening(): SecretSealer | Promise<SecretSealer>
  /** Seals what every node will be able to open. @throws as a change, and the above */
  forSealing(): Promise<SecretSealer>
  /**
   * Takes the key of the cluster, or puts it back where its register was lost.
   *
   * @throws {StoreError} `Unavailable`, also where only another node has it
   */
  look(): Promise<void>
}

/** Of a node that speaks to no other. */
export function ownSealer(key: Uint8Array, rng: Rng): Sealers {
  const sealer = new SecretSealer(key, rng)
  const nothing = Promise.resolve()
  return {
    forOpening: () => sealer,
    forSealing: () => nothing.then(() => sealer),
    look: () => nothing,
  }
}

export interface ClusterSealerOptions {
  readonly tables: Pick<Tables, 'get' | 'change' | 'page'>
  readonly model: Pick<ModelTables, 'clusterSecret' | 'accessKey'>
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
 *
 * The register can be lost with its partition, where nodes are given up. So every node takes the
 * key soon, and one that has it puts it back; one whose key opens none of the access keys that
 * there are never puts its own there: they would be lost with it.
 */
export class ClusterSealers implements Sealers {
  readonly #options: ClusterSealerOptions
  readonly #ref: RegisterRef<ClusterSecret>
  /** Under the secret of now, then under those before. */
  readonly #wrappers: readonly SecretSealer[]
  #key: Uint8Array
  #shared: SecretSealer | undefined

  constructor(options: ClusterSealerOptions) {
    this.#options = options
    const { model, rng, rpcSecrets, own } = options
    this.#ref = {
      ...{ table: model.clusterSecret, partitionKey: CLUSTER_SECRET_KEY, key: CLUSTER_SECRET_KEY },
    }
    this.#wrappers = rpcSecrets.map(
      (secret) => new SecretSealer(derive(secret, 'hangar cluster secret', 32), rng),
    )
    this.#key = own
  }

  forOpening(): SecretSealer | Promise<SecretSealer> {
    return this.#shared ?? this.#find()
  }

  async forSealing(): Promise<SecretSealer> {
    const found = this.#shared ?? (await this.#found())
    if (found !== undefined) return found
    await this.#opensWhatIsSealed()
    return this.#put()
  }

  async look(): Promise<void> {
    await this.#find()
  }

  async #find(): Promise<SecretSealer> {
    const found = await this.#found()
    if (found !== undefined) return found
    // Sealed before this node had a secret to share, or the register was lost.
    if (await this.#opensWhatIsSealed()) return this.#put()
    return new SecretSealer(this.#key, this.#options.rng)
  }

  async #found(): Promise<SecretSealer | undefined> {
    const found = await this.#options.tables.get(this.#ref)
    return found === undefined ? undefined : this.#take(found)
  }

  async #put(): Promise<SecretSealer> {
    const { tables } = this.#options
    const answer = await tables.change(this.#ref, putSecretCommand(this.#wrapped(this.#key)))
    return this.#take(decodeSecret(answer))
  }

  /**
   * Whether the key of this node is that of the access keys, if there are any.
   *
   * @throws {StoreError} `Unavailable` where it is not
   */
  async #opensWhatIsSealed(): Promise<boolean> {
    const { tables, model } = this.#options
    const { accessKey: table } = model
    const { entries } = await tables.page(table, ACCESS_KEY_INDEX, ACCESS_KEYS, {
      limit: KEYS_TRIED,
    })
    for (const { key } of entries) {
      const value = await tables.get({ table, partitionKey: ACCESS_KEYS, key })
      if (value === undefined || value.deleted) continue
      try {
        new SecretSealer(this.#key, this.#options.rng).open(key, value.sealedSecret)
        return true
      } catch (error) {
        throw keyElsewhere(error)
      }
    }
    return false
  }

  async #take({ mark, sealed }: ClusterSecret): Promise<SecretSealer> {
    const { rng, replace } = this.#options
    const opened = this.#unwrap(sealed)
    if (mark !== markOf(this.#key)) {
      if (opened === undefined) throw underAnotherSecret()
      await replace(opened.key)
      this.#key = opened.key
      this.#shared = undefined
    }
    this.#shared ??= new SecretSealer(this.#key, rng)
    if (opened?.isOfNow !== true) this.#rewrap(this.#key)
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

function keyElsewhere(cause: unknown): StoreError {
  return new StoreError(
    'Unavailable',
    "Cannot read the secrets of the access keys: the cluster's key for them was lost with its " +
      'partition, and this node never had it. Start another node of the cluster, which puts it ' +
      'back, or put the file sealing-key of one into metadata_dir here and start this node again',
    { cause },
  )
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
