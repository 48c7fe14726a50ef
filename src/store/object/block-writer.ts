/** Cuts a body into blocks and stores them while the rest goes on arriving. */

import { hexOf } from '../../base/bytes.ts'
import type { DigestStream } from '../../base/compute.ts'
import { blake3, HASH_SIZE_BYTES } from '../../base/hash.ts'
import { newManifestId, type ManifestId } from '../../base/ids.ts'
import {
  BLOCKS_IN_FLIGHT_PER_REQUEST,
  MANIFEST_BLOCKS_MAX,
  SEAL_TAG_BYTES,
} from '../../base/limits.ts'
import { Semaphore } from '../../base/semaphore.ts'
import type { Slot } from '../../block/blocks.ts'
import {
  HEADER_SORT_KEY,
  segmentSortKey,
  type ManifestHeader,
  type ManifestRow,
} from '../../model/manifest.table.ts'
import type { MergedRow } from '../../table/table.ts'
import { refusalCode, StoreError, toStoreError } from '../errors.ts'
import { inStoreWords, type Store } from '../store.ts'
import type { BlockSeal, Seal } from './sealing.ts'

/** Times that a block is sent again because its owner had lost it meanwhile. */
const REFERENCE_ATTEMPTS_MAX = 3

export type ManifestFacts = Omit<ManifestHeader, 'kind' | 'state'>

/**
 * Writes one manifest with its blocks.
 *
 * Order: header `pending` and the segment that lists a block are stable before the block is
 * referenced, and the block is stable before that too; `seal` makes the header `in use` when every
 * block is referenced. Whatever becomes of the writer, the rows left behind name all that it did;
 * the release worker frees it. Nothing is freed here.
 */
export class BlockWriter {
  readonly manifest: ManifestId
  readonly #store: Store
  readonly #facts: ManifestFacts
  readonly #digest: DigestStream
  readonly #signal = new AbortController()
  readonly #permits = new Semaphore(BLOCKS_IN_FLIGHT_PER_REQUEST)
  readonly #stored = new Set<Promise<void>>()
  readonly #seal: BlockSeal | undefined
  /** Bytes of the client that go into one block. */
  readonly #blockBytes: number
  #sealedCount = 0
  #headerStored: Promise<void> | undefined
  /** The first row of the segment that is being filled. */
  #segmentStored: Promise<void> | undefined
  #isHeaderStable = false
  #slot: Slot | undefined
  #filled = 0
  #segmentIndex = 0
  #hashes: Uint8Array[] = []
  #sizes: number[] = []
  #failure: unknown

  /**
   * @param digest fed with every block, in order, as the client sent it
   * @param seal what the blocks are encrypted with
   */
  constructor(store: Store, facts: ManifestFacts, digest: DigestStream, seal?: Seal) {
    this.#store = store
    this.#facts = facts
    this.#digest = digest
    this.manifest = newManifestId(store.rng)
    this.#seal = seal?.blocks(store.compute, this.manifest)
    this.#blockBytes = store.blocks.slab.blockBytes - (seal === undefined ? 0 : SEAL_TAG_BYTES)
  }

  /** Takes a piece, which may be reused when this resolves. Waits while too much is under way. */
  async write(piece: Uint8Array): Promise<void> {
    for (let taken = 0; taken < piece.length;) {
      this.#slot ??= await this.#store.blocks.slab.take(this.#signal.signal)
      const step = Math.min(piece.length - taken, this.#blockBytes - this.#filled)
      this.#slot.data.set(piece.subarray(taken, taken + step), this.#filled)
      this.#filled += step
      taken += step
      if (this.#filled === this.#blockBytes) await this.#send()
    }
  }

  /** Sends what is left of the last block. The digest has been fed with everything then. */
  async end(): Promise<void> {
    if (this.#filled > 0) await this.#send()
  }

  /**
   * Makes the manifest `in use`: every block is stored and referenced when this resolves.
   *
   * Before that every segment is there: once they are released nothing more can be listed, and so
   * nothing referred to, by a writer that slept meanwhile.
   *
   * @throws {StoreError}
   */
  async seal(): Promise<void> {
    const segmentsStored = Promise.all([this.#headerStored, this.#segmentStored])
    await inStoreWords(
      Promise.all([
        ...this.#stored,
        segmentsStored.then(() => this.#insert([this.#header('in use')])),
      ]),
    )
    if (this.#failure !== undefined) throw toStoreError(this.#failure)
  }

  /**
   * Says that nobody released the manifest meanwhile: asked after the first time of the change
   * that will name it was drawn.
   *
   * @param released done before it throws where somebody has released it; where that could not be
   *   found out whatever names the manifest stays, since it may be right
   * @throws {StoreError} `Unavailable`
   */
  async assertInUse(released?: () => Promise<void>): Promise<void> {
    const state = await unusedState(this.#store, [this.manifest])
    if (state === undefined) return
    await released?.()
    throw notInUse(state)
  }

  /** Leaves everything as it is; resolves when nothing of it runs and no slot is held. */
  async stop(): Promise<void> {
    this.#failure ??= new StoreError('Unavailable', 'Cannot store a block: the request ended')
    this.#signal.abort(this.#failure)
    await Promise.allSettled(this.#stored)
    await this.#headerStored?.catch(() => undefined)
    this.#slot?.release()
    this.#slot = undefined
  }

  async #send(): Promise<void> {
    const release = await this.#permits.acquire()
    let length = this.#filled
    try {
      if (this.#failure !== undefined) throw toStoreError(this.#failure)
      if (this.#seal !== undefined) length = await this.#sealSlot(this.#seal, length)
    } catch (error) {
      release()
      throw error
    }
    const slot = this.#slot!
    this.#slot = undefined
    this.#filled = 0
    const work = this.#storeBlock(slot, length)
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .then(() => {
        slot.release()
        release()
        this.#stored.delete(work)
      })
    this.#stored.add(work)
  }

  /** The digest has read the slot before its bytes are encrypted. @returns how many there are then */
  async #sealSlot(seal: BlockSeal, length: number): Promise<number> {
    const { data } = this.#slot!
    const fed = this.#digest.update(data.subarray(0, length))
    if (fed !== undefined) await fed
    this.#sealedCount += 1
    return seal.seal(data, length, this.#sealedCount - 1)
  }

  async #storeBlock(slot: Slot, length: number): Promise<void> {
    const content = slot.data.subarray(0, length)
    const fed = this.#seal === undefined ? this.#digest.update(content) : undefined
    const hash = blake3(content)
    const name = hexOf(hash)
    const listed = this.#list(hash, length)
    const { blocks } = this.#store
    // All of them are waited for, even when one fails: they read the slot.
    const done = await Promise.allSettled([
      fed,
      listed,
      blocks.has(name) ? undefined : blocks.put(name, slot, length),
    ])
    for (const result of done) if (result.status === 'rejected') throw result.reason
    await referenceBlock(this.#store, { hash: name, manifest: this.manifest }, () =>
      blocks.put(name, slot, length),
    )
  }

  /** Adds a block to the segment's list; stable when this resolves, as is the header. */
  #list(hash: Uint8Array, length: number): Promise<void> {
    if (this.#sizes.length === MANIFEST_BLOCKS_MAX) {
      this.#segmentIndex += 1
      this.#hashes = []
      this.#sizes = []
    }
    this.#hashes.push(hash)
    this.#sizes.push(length)
    const hashes = new Uint8Array(this.#hashes.length * HASH_SIZE_BYTES)
    for (const [index, each] of this.#hashes.entries()) hashes.set(each, index * HASH_SIZE_BYTES)
    const segment = this.#row(segmentSortKey(this.#segmentIndex), {
      kind: 'blocks',
      hashes,
      sizes: [...this.#sizes],
    })
    // Until the header is known to be stable it goes with every segment: an owner that missed it
    // would hold one that nobody is noted for, and that nobody would ever free.
    const rows = this.#isHeaderStable ? [segment] : [this.#header('pending'), segment]
    const inserted = this.#insert(rows)
    if (this.#sizes.length === 1) this.#segmentStored = inserted
    this.#headerStored ??= inserted.then(() => {
      this.#isHeaderStable = true
    })
    return Promise.all([this.#headerStored, inserted]).then(() => undefined)
  }

  #header(state: 'pending' | 'in use'): MergedRow<ManifestRow> {
    return this.#row(HEADER_SORT_KEY, { kind: 'header', state, ...this.#facts })
  }

  #row(sortKey: string, row: ManifestRow): MergedRow<ManifestRow> {
    return { partitionKey: this.manifest, sortKey, row }
  }

  /** Fails where somebody closes the manifest: whatever were referred to then might stay for ever. */
  #insert(rows: readonly MergedRow<ManifestRow>[]): Promise<void> {
    return this.#store.tables.insert(this.#store.model.manifest, rows)
  }
}

/**
 * Makes a manifest refer to a block. It counts as stored once its owners took the reference: they
 * hold it, verified.
 *
 * @param send stores the block where an owner says that it has lost it
 */
export async function referenceBlock(
  store: Store,
  reference: { readonly hash: string; readonly manifest: ManifestId },
  send: () => Promise<void>,
): Promise<void> {
  const { hash, manifest } = reference
  const row = { partitionKey: hash, sortKey: manifest, row: { live: true } }
  for (let attempt = 1; ; attempt += 1) {
    try {
      await store.tables.insert(store.model.blockRef, [row])
      return
    } catch (error) {
      if (refusalCode(error) !== 'missing' || attempt === REFERENCE_ATTEMPTS_MAX) throw error
    }
    await send()
  }
}

/** Headers that are read in one go. */
const HEADERS_PER_READ = 1000

/**
 * Says that all of these manifests may still be named by a change whose first time was drawn
 * before.
 *
 * @throws {StoreError} `Unavailable`
 */
export async function assertManifestsInUse(
  store: Store,
  manifests: readonly ManifestId[],
): Promise<void> {
  const state = await unusedState(store, manifests)
  if (state !== undefined) throw notInUse(state)
}

function notInUse(state: string): StoreError {
  const message = `Cannot name a manifest: it is ${state}, wanted in use; the request took too long`
  return new StoreError('Unavailable', message)
}

/** The state of the first manifest that is not in use; undefined where all are. */
async function unusedState(
  store: Store,
  manifests: readonly ManifestId[],
): Promise<string | undefined> {
  for (let from = 0; from < manifests.length; from += HEADERS_PER_READ) {
    const keys = manifests
      .slice(from, from + HEADERS_PER_READ)
      .map((manifest) => ({ partitionKey: manifest, sortKey: HEADER_SORT_KEY }))
    const headers = await inStoreWords(store.tables.read(store.model.manifest, keys))
    for (const header of headers) {
      if (header?.kind === 'header' && header.state === 'in use') continue
      return header?.kind === 'header' ? header.state : 'absent'
    }
  }
  return undefined
}
