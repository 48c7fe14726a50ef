/** The worker that does what the rules of buckets ask for: once a day, after midnight of UTC. */

import { join } from 'node:path'
import type { Disk } from '../../base/disk.ts'
import type { BucketId, NodeId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import { readState, writeState } from '../../db/state-file.ts'
import { objectPartitionKey } from '../../model/rows/object.ts'
import type { Bucket } from '../../model/rows/bucket.ts'
import { allBuckets } from '../../store/bucket/bucket.ts'
import { expireNext } from '../../store/bucket/expire.ts'
import { LIFECYCLE_DAY_MICROS } from '../../store/bucket/lifecycle.ts'
import { StoreError } from '../../store/errors.ts'
import { bucketById, type Store } from '../../store/store.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import type { Ground } from '../ground.ts'
import type { Folders, NodeOptions } from '../options.ts'
import { turnOf, upNodes, type Sight } from './turn.ts'

/** Buckets without rules that one step passes by. */
const BUCKETS_PER_STEP = 100
const INTERVAL_MS = 60_000
/** Intervals that a node is seen down before what was left to it is done by others. */
const GONE_INTERVALS = 2

export interface LifecycleOptions extends Sight {
  readonly store: Store
  readonly disk: Disk
  readonly log: Log
  /** Where its place is kept. */
  readonly path: string
  /** Without a layout nothing can be read. */
  readonly hasLayout: () => boolean
  /** For tests alone: what a day is. @default 24 hours */
  readonly dayMicros?: number | undefined
}

/** Where a run is, and what it has done. */
interface Place {
  /** Since 1970. */
  readonly day: number
  readonly isDone: boolean
  readonly bucket: string
  readonly shard: number
  readonly kind: 'objects' | 'uploads'
  readonly after: string | null
  readonly objects: number
  readonly uploads: number
  /** Nodes that shards of this day were left to. */
  readonly trusted: readonly NodeId[]
  /** Those of them that went down: this run is for what was theirs. Empty: it is for all. */
  readonly gone: readonly NodeId[]
}

/**
 * Of each shard it is the first owner that is up who looks: others would do the same again, which
 * is harmless. A run goes through the buckets by their ids, a page of keys at a time; a restart
 * goes on where the last life was, at most a page before. A node that goes down may not have come
 * to the end: after some minutes the next owner goes through what was left to it once more.
 */
export class LifecycleWorker implements Worker {
  readonly name = 'lifecycle'
  readonly intervalMs: number
  readonly tranquility = 1
  readonly #options: LifecycleOptions
  readonly #dayMicros: number
  #place: Place | undefined
  /** What is left of this run, the one that it is at first. */
  #buckets: BucketId[] | undefined
  /** Since when, by the monotonic clock, nodes are down. */
  readonly #downSince = new Map<NodeId, number>()

  constructor(options: LifecycleOptions) {
    this.#options = options
    this.#dayMicros = options.dayMicros ?? LIFECYCLE_DAY_MICROS
    this.intervalMs = Math.min(INTERVAL_MS, this.#dayMicros / 10_000)
  }

  queueLength(): number {
    return this.#buckets?.length ?? 0
  }

  remarks(): readonly string[] {
    const place = this.#place
    if (place === undefined) return []
    const { day, isDone, objects, uploads } = place
    const date = new Date((day * this.#dayMicros) / 1000).toISOString().slice(0, 10)
    const done = `${objects} objects expired, ${uploads} uploads aborted`
    if (isDone) return [`last run, of ${date}: ${done}`]
    return [`run of ${date}: at bucket ${place.bucket || '(first)'}, ${done} so far`]
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    const { store, hasLayout } = this.#options
    if (!hasLayout()) return 'idle'
    const day = Math.floor(store.clock.wallMicros() / this.#dayMicros)
    this.#place ??= await this.#keptPlace()
    // A run that takes longer than a day is ended before the next begins.
    if (this.#place === undefined || (this.#place.isDone && this.#place.day < day)) {
      this.#place = beginOf(day)
      this.#buckets = undefined
    }
    if (this.#place.isDone) {
      const gone = this.#goneOf(this.#place)
      if (gone.length === 0) return 'idle'
      this.#place = againFor(this.#place, gone)
    }
    const { bucket: from } = this.#place
    this.#buckets ??= (await allBuckets(store)).map(({ id }) => id).filter((id) => id >= from)
    await this.#pass(this.#buckets, this.#place, signal)
    return this.#place.isDone ? 'idle' : 'busy'
  }

  /** Takes one step in the first bucket that has rules, or passes by some that have none. */
  async #pass(buckets: BucketId[], place: Place, signal: AbortSignal): Promise<void> {
    for (let count = 0; count < BUCKETS_PER_STEP; count += 1) {
      signal.throwIfAborted()
      const id = buckets[0]
      if (id === undefined) return this.#end(place)
      const isNew = id !== place.bucket
      const at = isNew ? { ...place, ...startOf(id) } : place
      const bucket = await this.#bucketOf(id)
      if (bucket?.settings.lifecycle === undefined || at.shard >= bucket.shardCount) {
        buckets.shift()
        continue
      }
      return this.#step(bucket, at)
    }
  }

  async #step(bucket: Bucket, at: Place): Promise<void> {
    const { store } = this.#options
    const { shard, kind } = at
    const doer = this.#doerOf(objectPartitionKey(bucket.id, shard), at)
    if (doer !== this.#options.cluster.self) {
      this.#place = nextShard(trusting(at, doer))
      return
    }
    const { count, after } = await expireNext(store, {
      ...{ bucket, shard, kind, dayMicros: this.#dayMicros },
      after: at.after ?? undefined,
      nowMicros: store.clock.wallMicros(),
    })
    const counted = { ...at, [kind]: at[kind] + count }
    this.#place = after === undefined ? nextShard(counted) : { ...counted, after }
    await this.#keep(this.#place)
  }

  async #end(place: Place): Promise<void> {
    const { trusted } = place
    const done: Place = { ...beginOf(place.day), ...counts(place), trusted, isDone: true }
    await this.#keep(done)
    this.#place = done
    this.#buckets = undefined
    const { objects, uploads } = done
    this.#options.log.info({ objects, uploads }, 'the lifecycle rules of buckets were run')
  }

  /** Undefined of a bucket that is gone. */
  async #bucketOf(id: BucketId): Promise<Bucket | undefined> {
    try {
      return await bucketById(this.#options.store, id)
    } catch (error) {
      if (error instanceof StoreError && error.code === 'NoSuchBucket') return undefined
      throw error
    }
  }

  /**
   * Who is to look at a shard: the first owner that is up. In a run for nodes that are gone
   * nobody, where none of them stood before him.
   */
  #doerOf(partitionKey: string, { gone }: Place): NodeId | undefined {
    const { doer, passedBy } = turnOf(this.#options, partitionKey)
    if (gone.length > 0 && !passedBy.some((node) => gone.includes(node))) return undefined
    return doer
  }

  /** Nodes that shards were left to, and that have been down for some time. */
  #goneOf({ trusted }: Place): NodeId[] {
    const now = this.#options.store.clock.monotonicMicros()
    const up = upNodes(this.#options)
    const down = trusted.filter((node) => !up.has(node))
    for (const node of this.#downSince.keys())
      if (!down.includes(node)) this.#downSince.delete(node)
    for (const node of down) if (!this.#downSince.has(node)) this.#downSince.set(node, now)
    const longMicros = GONE_INTERVALS * this.intervalMs * 1000
    return down.filter((node) => now - this.#downSince.get(node)! >= longMicros)
  }

  async #keep(place: Place): Promise<void> {
    await writeState(this.#options.disk, this.#options.path, place)
  }

  async #keptPlace(): Promise<Place | undefined> {
    const { disk, path, log } = this.#options
    try {
      const kept = await readState(disk, path)
      return placeOf(kept)
    } catch (error) {
      log.warn({ err: error }, 'the place of the lifecycle worker is unreadable: it begins anew')
      return undefined
    }
  }
}

/** The worker of a node; none in a simulation, where no bucket has rules. */
export function lifecycleOf(
  node: {
    readonly ground: Ground
    readonly folders: Folders
    readonly options: Pick<NodeOptions, 'lifecycleDayMs'>
  },
  built: Pick<LifecycleOptions, 'store' | 'cluster' | 'network' | 'hasLayout'>,
): LifecycleWorker | undefined {
  const { disk, log, simulated } = node.ground
  if (simulated !== undefined) return undefined
  const { lifecycleDayMs: dayMs } = node.options
  return new LifecycleWorker({
    ...built,
    ...{ disk, log },
    path: join(node.folders.metadata, 'lifecycle'),
    dayMicros: dayMs === undefined ? undefined : dayMs * 1000,
  })
}

function beginOf(day: number): Place {
  const nothing = { objects: 0, uploads: 0, trusted: [], gone: [] }
  return { day, isDone: false, ...nothing, ...startOf('') }
}

/** Another run of the same day, for what was left to nodes that are gone. */
function againFor(place: Place, gone: readonly NodeId[]): Place {
  const trusted = place.trusted.filter((node) => !gone.includes(node))
  return { ...beginOf(place.day), ...counts(place), trusted, gone }
}

/** What is left to a node is done once that node is seen to stay. */
function trusting(place: Place, node: NodeId | undefined): Place {
  if (node === undefined || place.trusted.includes(node)) return place
  return { ...place, trusted: [...place.trusted, node] }
}

function startOf(bucket: string): Pick<Place, 'bucket' | 'shard' | 'kind' | 'after'> {
  return { bucket, shard: 0, kind: 'objects', after: null }
}

function counts({ objects, uploads }: Place): Pick<Place, 'objects' | 'uploads'> {
  return { objects, uploads }
}

/** The uploads of a shard follow its objects. */
function nextShard(place: Place): Place {
  if (place.kind === 'objects') return { ...place, kind: 'uploads', after: null }
  return { ...place, shard: place.shard + 1, kind: 'objects', after: null }
}

function placeOf(kept: unknown): Place | undefined {
  if (typeof kept !== 'object' || kept === null) return undefined
  // Places of earlier versions have no nodes in them.
  const whole = { trusted: [], gone: [], ...kept }
  return isPlace(whole) ? whole : undefined
}

function isPlace(kept: object): kept is Place {
  const { day, isDone, bucket, shard, kind, after, objects, uploads, trusted, gone } =
    kept as Record<string, unknown>
  const isList = (list: unknown): boolean =>
    Array.isArray(list) && list.every((node) => typeof node === 'string')
  return (
    [day, shard, objects, uploads].every((count) => Number.isSafeInteger(count)) &&
    typeof isDone === 'boolean' &&
    typeof bucket === 'string' &&
    (kind === 'objects' || kind === 'uploads') &&
    (after === null || typeof after === 'string') &&
    isList(trusted) &&
    isList(gone)
  )
}
