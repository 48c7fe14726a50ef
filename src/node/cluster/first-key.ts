/** The key and the bucket that a new cluster begins with. */

import { join } from 'node:path'
import type { Disk } from '../../base/disk.ts'
import type { Rng } from '../../base/rng.ts'
import { readState, writeState } from '../../db/state-file.ts'
import { listKeys } from '../../store/access-key.ts'
import type { Store } from '../../store/store.ts'
import { newAccessKey, type AccessKeyPair } from '../credentials.ts'
import { ensureBucket, ensureKey } from '../provision.ts'

/** Name of the file beside the identity, there until the key was told. */
const FILE = 'first-key'
const KEY_NAME = 'default'

/** What somebody should be told, once. */
export interface GivenKey extends AccessKeyPair {
  readonly bucket: string
}

export interface FirstKeyOptions {
  readonly disk: Disk
  readonly rng: Rng
  /** Of the metadata. */
  readonly folder: string
  readonly bucket: string
  readonly tell: (given: GivenKey) => void
}

/**
 * The node that proposes the first layout draws the key before, and makes it after: a crash in
 * between makes the same key again.
 */
export class FirstKey {
  readonly #options: FirstKeyOptions
  readonly #path: string

  constructor(options: FirstKeyOptions) {
    this.#options = options
    this.#path = join(options.folder, FILE)
  }

  async draw(): Promise<void> {
    const { disk, rng } = this.#options
    if ((await this.#drawn()) !== undefined) return
    await writeState(disk, this.#path, newAccessKey(rng))
  }

  /**
   * Makes what was drawn here, if anything was; not where somebody has made a key already.
   *
   * @throws {StoreError} `Unavailable` while the others cannot be reached
   */
  async give(store: Store): Promise<void> {
    const pair = await this.#drawn()
    if (pair === undefined) return
    const { disk, bucket, tell } = this.#options
    const others = (await listKeys(store)).filter(({ id }) => id !== pair.accessKeyId)
    if (others.length === 0) {
      await ensureKey(store, { ...pair, name: KEY_NAME })
      await ensureBucket(store, bucket, pair.accessKeyId)
      tell({ ...pair, bucket })
    }
    await disk.remove(this.#path)
  }

  async #drawn(): Promise<AccessKeyPair | undefined> {
    return (await readState(this.#options.disk, this.#path)) as AccessKeyPair | undefined
  }
}
