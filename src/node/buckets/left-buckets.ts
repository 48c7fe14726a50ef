/** The worker that ends what a crash cut off: buckets half made, half deleted, or left closed. */

import type { BucketSummary } from '../../model/rows/bucket.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import { allBuckets, finishPending } from '../../store/bucket/bucket.ts'
import { mendNames } from '../../store/bucket/names.ts'
import { deleteBucket, gatesOf } from '../../store/bucket/delete-bucket.ts'
import { StoreError } from '../../store/errors.ts'
import { inStoreWords, openLeftGate, type Store } from '../../store/store.ts'

/**
 * Buckets that won their name become live, those that did not are removed, a decided delete is
 * ended, one that was cut off before that is undone: behind a closed gate owners cannot come to
 * hold the same. A bucket has the names that it lists.
 *
 * A bucket being made looks like one whose maker is gone. So one is only finished when it was
 * seen a whole interval before, which is longer than its maker may take.
 */
export class LeftBuckets implements Worker {
  readonly name = 'left-buckets'
  readonly intervalMs = 60_000
  readonly tranquility = 0
  readonly #store: Store
  readonly #hasLayout: () => boolean
  #seen: ReadonlySet<string> = new Set()

  /** @param hasLayout without one nothing can be read, and nothing is left */
  constructor(store: Store, hasLayout: () => boolean = () => true) {
    this.#store = store
    this.#hasLayout = hasLayout
  }

  async work(): Promise<WorkState> {
    if (!this.#hasLayout()) return 'idle'
    await this.finish((bucket) => this.#seen.has(bucket.id))
    return 'idle'
  }

  /**
   * @param isLeft whether nobody makes this pending bucket any more
   * @returns how many buckets were finished one way or the other
   */
  async finish(isLeft: (bucket: BucketSummary) => boolean): Promise<number> {
    let count = 0
    const pending = new Set<string>()
    for (const bucket of await allBuckets(this.#store)) {
      if (bucket.state === 'pending') {
        pending.add(bucket.id)
        if (!isLeft(bucket)) continue
        await finishPending(this.#store, bucket)
      } else if (await isDeleteDecided(this.#store, bucket)) {
        await deleteBucket(this.#store, { bucket: bucket.id })
      } else if (!(await this.#mend(bucket))) continue
      count += 1
    }
    this.#seen = pending
    return count
  }

  /** @returns whether there was anything to be mended */
  async #mend(bucket: BucketSummary): Promise<boolean> {
    const hasOpened = await this.#open(bucket)
    return (await mendNames(this.#store, bucket)) || hasOpened
  }

  /** Opens the gates whose closer is gone. @returns whether there were any */
  async #open(bucket: BucketSummary): Promise<boolean> {
    let hasOpened = false
    try {
      for (const gate of gatesOf(this.#store, bucket)) {
        if (await openLeftGate(this.#store, gate.partitionKey)) hasOpened = true
      }
    } catch (error) {
      // Its end is decided meanwhile: that is ended when it is met again.
      if (!(error instanceof StoreError) || error.code !== 'NoSuchBucket') throw error
    }
    return hasOpened
  }
}

/** Buckets half made or half deleted, some of which somebody may be working on. */
export async function countLeftBuckets(store: Store): Promise<number> {
  let count = 0
  for (const bucket of await allBuckets(store)) {
    if (bucket.state === 'pending' || (await isDeleteDecided(store, bucket))) count += 1
  }
  return count
}

async function isDeleteDecided(store: Store, bucket: BucketSummary): Promise<boolean> {
  const gate = await inStoreWords(store.tables.get(gatesOf(store, bucket)[0]!))
  return gate?.state === 'deleted'
}
