/** The worker that ends what a crash cut off: buckets half made, half deleted, or left closed. */

import type { BucketId } from '../../base/ids.ts'
import { PARTITION_COUNT } from '../../cluster/cluster.ts'
import type { BucketSummary } from '../../model/rows/bucket.ts'
import { objectPartitionKey } from '../../model/rows/object.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import { allBuckets, bucketPage, finishPending } from '../../store/bucket/bucket.ts'
import { mendNames } from '../../store/bucket/names.ts'
import { deleteBucket, gatesOf } from '../../store/bucket/delete-bucket.ts'
import { StoreError } from '../../store/errors.ts'
import { inStoreWords, openLeftGate, type Store } from '../../store/store.ts'
import { ownersOf, turnOf, type Sight } from './turn.ts'

/** Buckets that one step looks at. */
const BUCKETS_PER_STEP = 100
const INTERVAL_MS = 60_000
/** A round over more buckets is followed by a longer rest. */
const BUCKETS_PER_INTERVAL = 2_000
/** In one of so many rounds every owner looks: the first may be up, and unable to. */
const ROUNDS_PER_WHOLE = 30
/** Longer than the maker of a bucket may take. */
const MAKING_MS_MAX = 60_000

export interface LeftBucketsOptions extends Sight {
  readonly store: Store
  /** Without a layout nothing can be read, and nothing is left. */
  readonly hasLayout: () => boolean
}

/** What a round over all buckets has seen. */
interface Round {
  buckets: number
  /** Since when, by the monotonic clock, buckets are seen in the making. */
  readonly pending: Map<BucketId, number>
  failed: number
  failure: string | undefined
}

type IsLeft = (bucket: BucketSummary) => boolean

/**
 * Buckets that won their name become live, those that did not are removed, a decided delete is
 * ended, one that was cut off before that is undone: behind a closed gate owners cannot come to
 * hold the same. A bucket has the names that it lists.
 *
 * Of each bucket it is the first owner that is up who looks, in each round anew: whoever is next
 * goes on where it went down. Others would do the same again, which is harmless: now and then they
 * do, for one that is up and cannot.
 *
 * A bucket being made looks like one whose maker is gone. So one is only finished when it was
 * seen for longer than its maker may take, by every owner for itself.
 */
export class LeftBuckets implements Worker {
  readonly name = 'left-buckets'
  /** A quarter of the time is for it while a round lasts. */
  readonly tranquility = 3
  readonly #options: LeftBucketsOptions
  /** The last bucket that this round has looked at. */
  #after: BucketId | undefined
  /** Ended ones. */
  #rounds = 0
  #round = newRound()
  #last = newRound()

  constructor(options: LeftBucketsOptions) {
    this.#options = options
  }

  get intervalMs(): number {
    return INTERVAL_MS * Math.max(1, this.#last.buckets / BUCKETS_PER_INTERVAL)
  }

  remarks(): readonly string[] {
    const { failed, failure } = this.#last
    if (failure === undefined) return []
    return [`${failed} buckets could not be looked at in the last round, the first: ${failure}`]
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    const { store, hasLayout } = this.#options
    if (!hasLayout() || !this.#ownsAny()) return 'idle'
    const page = await bucketPage(store, { after: this.#after, limit: BUCKETS_PER_STEP })
    for (const bucket of page.buckets) {
      signal.throwIfAborted()
      const isLeft = bucket.state === 'pending' && this.#isLeft(bucket.id)
      if (this.#isMine(bucket)) await this.#tryToEnd(bucket, isLeft)
    }
    this.#round.buckets += page.buckets.length
    this.#after = page.next
    if (page.next !== undefined) return 'busy'
    this.#rounds += 1
    this.#last = this.#round
    this.#round = newRound()
    return 'idle'
  }

  /**
   * Looks at every bucket, whosever turn it is.
   *
   * @param isLeft whether nobody makes this pending bucket any more
   * @returns how many buckets were finished one way or the other
   */
  async finish(isLeft: IsLeft): Promise<number> {
    let count = 0
    for (const bucket of await allBuckets(this.#options.store)) {
      if (await this.#end(bucket, isLeft)) count += 1
    }
    return count
  }

  /** One that cannot be reached keeps nobody from the others: it is for the next round. */
  async #tryToEnd(bucket: BucketSummary, isLeft: boolean): Promise<void> {
    try {
      await this.#end(bucket, () => isLeft)
    } catch (error) {
      this.#round.failed += 1
      this.#round.failure ??= `"${bucket.id}": ${(error as Error).message}`
    }
  }

  /** Whether a bucket that is seen in the making was so for long. */
  #isLeft(bucket: BucketId): boolean {
    const now = this.#options.store.clock.monotonicMicros()
    const since = this.#last.pending.get(bucket) ?? now
    this.#round.pending.set(bucket, since)
    return now - since >= MAKING_MS_MAX * 1000
  }

  /** By the first of its gates, so that the buckets are spread over those that store. */
  #isMine({ id }: BucketSummary): boolean {
    const partitionKey = objectPartitionKey(id, 0)
    const { self } = this.#options.cluster
    if (this.#rounds % ROUNDS_PER_WHOLE === ROUNDS_PER_WHOLE - 1) {
      return ownersOf(this.#options, partitionKey).includes(self)
    }
    return turnOf(this.#options, partitionKey).doer === self
  }

  #ownsAny(): boolean {
    const { cluster } = this.#options
    for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
      if (cluster.readers(partition).includes(cluster.self)) return true
    }
    return false
  }

  /** @returns whether there was anything to be ended */
  async #end(bucket: BucketSummary, isLeft: IsLeft): Promise<boolean> {
    const { store } = this.#options
    if (bucket.state === 'pending') {
      if (!isLeft(bucket)) return false
      await finishPending(store, bucket)
    } else if (await isDeleteDecided(store, bucket)) {
      await deleteBucket(store, { bucket: bucket.id })
    } else return this.#mend(bucket)
    return true
  }

  /** @returns whether there was anything to be mended */
  async #mend(bucket: BucketSummary): Promise<boolean> {
    const hasOpened = await this.#open(bucket)
    return (await mendNames(this.#options.store, bucket)) || hasOpened
  }

  /** Opens the gates whose closer is gone. @returns whether there were any */
  async #open(bucket: BucketSummary): Promise<boolean> {
    let hasOpened = false
    try {
      for (const gate of gatesOf(this.#options.store, bucket)) {
        if (await openLeftGate(this.#options.store, gate.partitionKey)) hasOpened = true
      }
    } catch (error) {
      // Its end is decided meanwhile: that is ended when it is met again.
      if (!(error instanceof StoreError) || error.code !== 'NoSuchBucket') throw error
    }
    return hasOpened
  }
}

function newRound(): Round {
  return { buckets: 0, pending: new Map(), failed: 0, failure: undefined }
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
