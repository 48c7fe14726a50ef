/** The door of the object store: what every verb works with. */

import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Compute } from '../base/compute.ts'
import { DomainError } from '../base/errors.ts'
import type { BucketId } from '../base/ids.ts'
import { CHANGE_DEADLINE_MS } from '../base/limits.ts'
import { sleep } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Rng } from '../base/rng.ts'
import type { Blocks } from '../block/blocks.ts'
import type { Counts } from '../model/counter.table.ts'
import type { Holds } from '../model/holds.ts'
import {
  isSameOperation,
  type OperationOwner,
  type RunningOperations,
} from '../model/operations.ts'
import { BUCKETS, type Bucket } from '../model/rows/bucket.ts'
import { openGateCommand, takeGateCommand } from '../model/commands/gate.ts'
import { GATE_KEY, type GateValue } from '../model/rows/gate.ts'
import {
  bucketOfPartitionKey,
  objectPartitionKey,
  shardOf,
  type ObjectValue,
} from '../model/rows/object.ts'
import type { ModelTables } from '../model/tables.ts'
import type { Command, Plain } from '../table/schema.ts'
import type { ChangeOptions, RegisterRef, Tables } from '../table/table.ts'
import { isCopied, type Caches } from './caches.ts'
import type { AnnounceChanges, CopiedRow } from './cluster/copies.ts'
import type { CopyPlaces } from './object/copy-places.ts'
import { refusalCode, StoreError, toStoreError } from './errors.ts'
import type { Sealers } from './cluster/sealers.ts'
import type { QuotaKeeper } from './bucket/quota.ts'

/** What the verbs of one node share. Built once by the assembly; plain data. */
export interface Store {
  readonly tables: Tables
  readonly model: ModelTables
  readonly blocks: Blocks
  readonly compute: Compute
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly operations: RunningOperations
  readonly holds: Holds
  /** The listener of `model`. */
  readonly caches: Caches
  /** Tells the other nodes of rows that they may have copies of; from `shareCopies`. */
  readonly announce: AnnounceChanges
  readonly sealers: Sealers
  /** Counts of a shard, from `readCounts` or `shardCounts`. */
  readonly counts: (partitionKey: string) => Counts | Promise<Counts>
  readonly quotas: QuotaKeeper
  /** Of those whose bytes go through this node. */
  readonly copyPlaces: CopyPlaces
  /** Bodies up to this lie in the object's row. @default INLINE_SIZE_BYTES_MAX */
  readonly inlineSizeBytesMax?: number
  /** Of every part but the last. @default PART_SIZE_BYTES_MIN */
  readonly partSizeBytesMin?: number
  /** Of new buckets. @default 1 */
  readonly shardCount?: number
}

/** Waiting for a bucket that is perhaps being deleted. */
const GATE_PAUSE_MS = 50
const GATE_WAIT_MS_MAX = 5_000
/** Who deletes a bucket is left alone if it says so within this. */
const CLOSER_ANSWERS_MS = 1_000

/**
 * A bucket that is live.
 *
 * @throws {StoreError} `NoSuchBucket`
 */
export function bucketById(store: Store, id: BucketId): Bucket | Promise<Bucket> {
  return bucketAtHand(store, id) ?? loadBucket(store, id)
}

/** The copy of a live bucket that this node has, if it has one. */
export function bucketAtHand(store: Store, id: BucketId): Bucket | undefined {
  return store.caches.buckets.get(id, () => loadBucket(store, id))
}

async function loadBucket(store: Store, id: BucketId): Promise<Bucket> {
  const reading = store.caches.buckets.read()
  const value = await inStoreWords(
    store.tables.get({ table: store.model.bucket, partitionKey: BUCKETS, key: id }),
  )
  if (value === undefined || value.state === 'deleted') {
    throw new StoreError('NoSuchBucket', `Cannot find bucket "${id}"`)
  }
  const bucket: Bucket = { id, ...value }
  if (value.state === 'live') store.caches.buckets.keep(id, bucket, reading)
  return bucket
}

/** Where an object's register lies. */
export function objectRef(store: Store, bucket: Bucket, key: string): RegisterRef<ObjectValue> {
  const partitionKey = objectPartitionKey(bucket.id, shardOf(key, bucket.shardCount))
  return { table: store.model.object, partitionKey, key }
}

/** The settled value of an object's register, at once where the tables can. */
export function readObject(
  store: Store,
  ref: RegisterRef<ObjectValue>,
): Promise<ObjectValue | undefined> | ObjectValue | undefined {
  try {
    const value = store.tables.get(ref)
    return value instanceof Promise ? inStoreWords(value) : value
  } catch (error) {
    throw toStoreError(error)
  }
}

/** Waits for `work`; its failure in the store's words. */
export async function inStoreWords<T>(work: Promise<T> | T): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw toStoreError(error)
  }
}

/**
 * Changes a row that every node may keep a copy of. Resolves once no node shows the row from before.
 *
 * @throws {StoreError}
 */
export function changeCopied<Value>(
  store: Store,
  ref: RegisterRef<Value>,
  command: Command,
): Promise<Plain> {
  return changingCopied(store, (change) => change(ref, command))
}

/** Changes one row of several; told to the other nodes with the rest. */
export type ChangeCopied = <Value>(ref: RegisterRef<Value>, command: Command) => Promise<Plain>

/**
 * Changes several rows that every node may keep copies of, with one wait for all of them: it ends
 * once no node shows any of them from before, also where `work` failed in the middle.
 *
 * @throws {StoreError} and what `work` throws
 */
export async function changingCopied<Result>(
  store: Store,
  work: (change: ChangeCopied) => Promise<Result>,
): Promise<Result> {
  const changed: CopiedRow[] = []
  try {
    return await work(async ({ table, partitionKey, key }, command) => {
      const { name } = table
      assert(isCopied(name), `rows of table "${name}" are copied`)
      const answer = await inStoreWords(store.tables.change({ table, partitionKey, key }, command))
      changed.push({ table: name, name: key })
      return answer
    })
  } finally {
    if (changed.length > 0) await store.announce(changed)
  }
}

/**
 * Changes an object's register. While its bucket is being deleted it waits a little for the end of
 * that; a delete that was cut off is undone.
 *
 * @throws {StoreError}
 */
export async function changeObject(
  store: Store,
  ref: RegisterRef<ObjectValue>,
  command: Command,
  options: ChangeOptions = {},
): Promise<Plain> {
  const firstTime = options.firstTime ?? store.tables.now()
  let named = options
  for (let waitedMs = 0; ; waitedMs += GATE_PAUSE_MS) {
    try {
      return await store.tables.change(ref, command, {
        deadlineMs: CHANGE_DEADLINE_MS,
        ...named,
        firstTime,
      })
    } catch (error) {
      if (!isRefusedByGate(error)) throw toStoreError(error)
      const operation = triedOperation(error)
      if (waitedMs >= GATE_WAIT_MS_MAX) {
        if (operation !== undefined) throw toStoreError(error)
        throw new StoreError('SlowDown', 'Cannot write: the bucket is being deleted', {
          cause: error,
        })
      }
      // Where another attempt may be under way the next one is one of the same operation.
      if (operation !== undefined) named = { ...options, operation }
      await openLeftGate(store, ref.partitionKey).catch((failure: unknown) => {
        // A bucket that was deleted may have been emptied by this very change.
        throw operation === undefined ? failure : toStoreError(error)
      })
    }
    await sleep(store.clock, GATE_PAUSE_MS)
  }
}

/** Also that a gate is deleted is what one owner says, and may never have been chosen. */
export function isRefusedByGate(error: unknown): boolean {
  const code = refusalCode(error) ?? unknownDetail(error, 'veto')
  return code === 'BucketClosing' || code === 'NoSuchBucket'
}

/** What a change is to be tried again under that a gate refused, where it may happen all the same. */
export function triedOperation(error: unknown): string | undefined {
  return unknownDetail(error, 'operation')
}

function unknownDetail(error: unknown, name: 'veto' | 'operation'): string | undefined {
  if (!(error instanceof DomainError) || error.code !== 'OutcomeUnknown') return undefined
  const detail = error.details[name]
  return typeof detail === 'string' ? detail : undefined
}

/**
 * Opens a gate again whose closer is gone, unless the bucket's end was decided.
 *
 * @returns whether it did
 * @throws {StoreError} `NoSuchBucket` when that was decided
 */
export async function openLeftGate(store: Store, partitionKey: string): Promise<boolean> {
  const table = store.model.gate
  const gate = { table, partitionKey, key: GATE_KEY }
  const decisive = {
    ...gate,
    partitionKey: objectPartitionKey(bucketOfPartitionKey(partitionKey), 0),
  }
  const value = await inStoreWords(store.tables.get(gate))
  // After the other: so a closer of that one that does not hold this one will never hold it again.
  const first = await inStoreWords(store.tables.get(decisive))
  if (first?.state === 'deleted') {
    throw new StoreError('NoSuchBucket', 'Cannot write: the bucket was deleted')
  }
  const closer = value?.by
  if (closer === undefined || (await isDeleting(store, closer))) return false
  const open = openGateCommand(closer)
  if (first?.by !== undefined && isSameOperation(first.by, closer)) {
    if (!(await openFirstGate(store, decisive, closer))) return false
    if (partitionKey === decisive.partitionKey) return true
  }
  return (await inStoreWords(store.tables.change(gate, open))) === true
}

/**
 * Opens the gate that decides, where `closer` may yet. First somebody takes it who never will: so
 * nothing that an owner lets in, who opens it before the others do, lives in a deleted bucket.
 *
 * @returns whether it is open
 */
export async function openFirstGate(
  store: Store,
  gate: RegisterRef<GateValue>,
  closer: OperationOwner,
): Promise<boolean> {
  const running = store.operations.begin()
  try {
    const { owner } = running
    await inStoreWords(store.tables.change(gate, takeGateCommand(owner, closer)))
    return (await inStoreWords(store.tables.change(gate, openGateCommand(owner)))) === true
  } finally {
    running.end()
  }
}

/**
 * Whether an operation is known to run. One that cannot be asked may: who takes the first gate
 * from it ends it, wherever it is.
 */
export async function isDeleting(store: Store, operation: OperationOwner): Promise<boolean> {
  return (await store.operations.stateOf(operation, CLOSER_ANSWERS_MS)) === 'running'
}
