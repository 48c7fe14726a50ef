/**
 * Quotas of buckets: what a write would add is held against them before its body is taken, and
 * again when it is to count.
 */

import type { Clock } from '../../base/clock.ts'
import { QUOTA_COUNTS_KEPT_MAX, QUOTA_COUNTS_MS_MAX } from '../../base/limits.ts'
import { addCounts, noCounts, type Counts } from '../../model/counter.table.ts'
import type { Bucket } from '../../model/rows/bucket.ts'
import type { Quotas } from '../../model/rows/bucket-settings.ts'
import { objectPartitionKey } from '../../model/rows/object.ts'
import { StoreError } from '../errors.ts'
import { inStoreWords, objectRef, readObject, type Store } from '../store.ts'

/** A write of one object, whole: what has the key now is replaced. */
export interface Addition {
  readonly key: string
  readonly bytes: number
}

/** What a write adds to the counts of its bucket; negative where it replaces more. */
interface Growth {
  readonly objects: number
  readonly bytes: number
}

const nothing: Growth = { objects: 0, bytes: 0 }

/** Rounds of waiting for other writes of a bucket that is nearly full. */
const ROUNDS_MAX = 20

/**
 * Refuses a write that would not fit, before its body is taken. A part is asked for by itself: an
 * object of it would not fit either. Costs a bucket without quotas nothing.
 *
 * @throws {StoreError} `QuotaExceeded`
 */
export function refuseOverQuota(
  store: Store,
  bucket: Bucket,
  addition: Addition,
): Promise<void> | undefined {
  const { quotas } = bucket.settings
  return quotas === undefined ? undefined : refuse(store, bucket, { quotas, addition })
}

interface Asked {
  readonly quotas: Quotas
  readonly addition: Addition
}

async function refuse(store: Store, bucket: Bucket, { quotas, addition }: Asked): Promise<void> {
  const growth = await growthOf(store, bucket, addition)
  const counts = await store.quotas.counts(store, bucket)
  if (overrun(quotas, counts, growth) === undefined) return
  assertFits(bucket, growth, await store.quotas.counts(store, bucket, 'fresh'))
}

/**
 * Runs the change that makes an object count, if it fits into the bucket together with all that
 * this node is changing there; so writes through one node never exceed a quota together.
 *
 * @throws {StoreError} `QuotaExceeded`, and what `change` throws
 */
export function withinQuota<T>(
  store: Store,
  bucket: Bucket,
  addition: Addition,
  change: () => Promise<T>,
): Promise<T> {
  const { quotas } = bucket.settings
  if (quotas === undefined) return change()
  return store.quotas.run(store, { bucket, quotas, addition, change })
}

/** What a node knows of buckets with quotas: writes under way, and counts of other owners. */
export class QuotaKeeper {
  readonly #clock: Clock
  readonly #running = new Map<string, Running>()
  readonly #copies = new Map<string, CountsCopy>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * How much a bucket holds. Of shards that other nodes own a copy of a second ago is good enough,
   * with what this node has written since.
   */
  async counts(store: Store, bucket: Bucket, age: 'recent' | 'fresh' = 'recent'): Promise<Counts> {
    let sum = noCounts
    for (let shard = 0; shard < bucket.shardCount; shard += 1) {
      const key = objectPartitionKey(bucket.id, shard)
      const kept = age === 'recent' ? this.#copy(key) : undefined
      const counts = kept?.counts ?? store.counts(key)
      if (kept === undefined && counts instanceof Promise) this.#keep(key, counts)
      sum = addCounts(sum, await inStoreWords(counts))
      if (kept !== undefined) sum = { ...sum, ...grown(sum, kept.added) }
    }
    return sum
  }

  async run<T>(
    store: Store,
    write: Asked & { readonly bucket: Bucket; readonly change: () => Promise<T> },
  ): Promise<T> {
    const { bucket, addition } = write
    const running = this.#runningIn(bucket)
    try {
      const growth = await this.#admit(store, running, write)
      try {
        const answer = await write.change()
        this.#copies.get(objectRef(store, bucket, addition.key).partitionKey)?.add(growth)
        return answer
      } finally {
        running.end(growth)
      }
    } finally {
      running.users -= 1
      if (running.users === 0) this.#running.delete(bucket.id)
    }
  }

  /** Waits until the write fits beside the others, or surely does not; it is among them then. */
  async #admit(
    store: Store,
    running: Running,
    { bucket, quotas, addition }: Asked & { readonly bucket: Bucket },
  ): Promise<Growth> {
    for (let round = 1; ; round += 1) {
      const age = round === 1 ? 'recent' : 'fresh'
      const since = running.ended
      const growth = await growthOf(store, bucket, addition)
      const counts = await this.counts(store, bucket, age)
      // What has ended meanwhile may be among the counts or not: then it is looked at once more.
      const others = running.addedSince(since)
      if (overrun(quotas, grown(counts, others), growth) === undefined) {
        running.begin(growth)
        return growth
      }
      if (age === 'recent') continue
      assertFits(bucket, growth, counts)
      if (round >= ROUNDS_MAX) assertFits(bucket, growth, grown(counts, others))
      if (running.count > 0) await running.change()
    }
  }

  #runningIn(bucket: Bucket): Running {
    const running = this.#running.get(bucket.id) ?? new Running()
    this.#running.set(bucket.id, running)
    running.users += 1
    return running
  }

  #copy(key: string): CountsCopy | undefined {
    const copy = this.#copies.get(key)
    if (copy === undefined) return undefined
    const ageMs = (this.#clock.monotonicMicros() - copy.sinceMicros) / 1000
    return ageMs <= QUOTA_COUNTS_MS_MAX ? copy : undefined
  }

  #keep(key: string, counts: Promise<Counts>): void {
    const copy = new CountsCopy(counts, this.#clock.monotonicMicros())
    this.#copies.delete(key)
    if (this.#copies.size >= QUOTA_COUNTS_KEPT_MAX) {
      const oldest = this.#copies.keys().next()
      if (oldest.done !== true) this.#copies.delete(oldest.value)
    }
    this.#copies.set(key, copy)
    counts.catch(() => {
      if (this.#copies.get(key) === copy) this.#copies.delete(key)
    })
  }
}

/** Counts that another node told, and what this one has added since it asked. */
class CountsCopy {
  added: Growth = nothing
  readonly counts: Promise<Counts>
  readonly sinceMicros: number

  constructor(counts: Promise<Counts>, sinceMicros: number) {
    this.counts = counts
    this.sinceMicros = sinceMicros
  }

  add(growth: Growth): void {
    this.added = grown(this.added, growth)
  }
}

/** The writes of one bucket that are being made to count. What makes room counts when it is done. */
class Running {
  /** Calls that are in it, those that wait to be admitted too. */
  users = 0
  count = 0
  /** All that was ever added by those that have ended. */
  ended: Growth = nothing
  #begun: Growth = nothing
  #waiting: (() => void)[] = []

  begin(growth: Growth): void {
    this.count += 1
    this.#begun = grown(this.#begun, atMost(growth))
  }

  end(growth: Growth): void {
    this.count -= 1
    this.ended = grown(this.ended, atMost(growth))
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  /** What those add that run, or have ended since `ended` was as given. */
  addedSince(ended: Growth): Growth {
    const { objects, bytes } = this.#begun
    return { objects: objects - ended.objects, bytes: bytes - ended.bytes }
  }

  /** Resolves when the next of them has ended. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

function atMost({ objects, bytes }: Growth): Growth {
  return { objects: Math.max(0, objects), bytes: Math.max(0, bytes) }
}

async function growthOf(store: Store, bucket: Bucket, addition: Addition): Promise<Growth> {
  const value = await readObject(store, objectRef(store, bucket, addition.key))
  const current = value?.current
  return {
    objects: current === undefined ? 1 : 0,
    bytes: addition.bytes - (current?.size ?? 0),
  }
}

function grown(counts: Growth, growth: Growth): Growth {
  return { objects: counts.objects + growth.objects, bytes: counts.bytes + growth.bytes }
}

/** Which quota a write would exceed. One that adds nothing to what is counted exceeds none. */
function overrun(
  quotas: Quotas,
  counts: Growth,
  growth: Growth,
): 'maxObjects' | 'maxBytes' | undefined {
  const after = grown(counts, growth)
  const { maxObjects = Infinity, maxBytes = Infinity } = quotas
  if (growth.objects > 0 && after.objects > maxObjects) return 'maxObjects'
  if (growth.bytes > 0 && after.bytes > maxBytes) return 'maxBytes'
  return undefined
}

/** @throws {StoreError} `QuotaExceeded` */
function assertFits(bucket: Bucket, growth: Growth, counts: Growth): void {
  const { quotas = {} } = bucket.settings
  const over = overrun(quotas, counts, growth)
  if (over === undefined) return
  const { maxObjects, maxBytes } = quotas
  const [what, option] =
    over === 'maxObjects'
      ? [`the bucket holds ${counts.objects} objects, its quota is ${maxObjects}`, '--max-objects']
      : [
          `it would add ${growth.bytes} bytes to ${counts.bytes}, the bucket's quota is ${maxBytes}`,
          '--max-size',
        ]
  throw new StoreError(
    'QuotaExceeded',
    `Cannot store the object: ${what}. Delete objects, or have the quota raised with: ` +
      `hangar bucket set-quotas ${bucket.names[0] ?? bucket.id} ${option} …`,
    { details: { quota: over } },
  )
}
