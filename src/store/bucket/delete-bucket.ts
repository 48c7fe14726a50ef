/** DeleteBucket: behind closed gates, so that no write slips in while the list is read. */

import type { BucketId } from '../../base/ids.ts'
import { BUCKETS, type Bucket, type BucketSummary } from '../../model/rows/bucket.ts'
import { NAMES } from '../../model/bucket-name.table.ts'
import { removeBucketCommand } from '../../model/commands/bucket.ts'
import { releaseNameCommand } from '../../model/commands/bucket-name.ts'
import { closeGateCommand, deleteGateCommand, openGateCommand } from '../../model/commands/gate.ts'
import { LIVE_INDEX, UPLOADS_INDEX } from '../../model/object.table.ts'
import { isSameOperation, type OperationOwner } from '../../model/operations.ts'
import { GATE_KEY, gateFence, type GateValue } from '../../model/rows/gate.ts'
import { objectPartitionKey } from '../../model/rows/object.ts'
import type { RegisterRef } from '../../table/table.ts'
import { StoreError } from '../errors.ts'
import {
  bucketById,
  changingCopied,
  inStoreWords,
  isDeleting,
  openFirstGate,
  type Store,
} from '../store.ts'
import { releaseLocalName } from './local-names.ts'

/** What keeps a bucket from being deleted: `uploads` where there is no object. */
type Holds = 'nothing' | 'objects' | 'uploads'

/** Whether a delete was refused for open uploads alone. */
export function isKeptByUploads(error: unknown): boolean {
  return (
    error instanceof StoreError &&
    error.code === 'BucketNotEmpty' &&
    error.details['holds'] === 'uploads'
  )
}

/**
 * Deletes a bucket that has neither objects nor open uploads.
 *
 * The gates close by ballot; from then on owners refuse whatever would make something live. The
 * end of the first shard's gate is the decision: whoever finds it deleted finishes the delete.
 *
 * @throws {StoreError} `BucketNotEmpty`, `NoSuchBucket`, `SlowDown` (being deleted already)
 */
export async function deleteBucket(
  store: Store,
  input: { readonly bucket: BucketId },
): Promise<void> {
  const bucket = await bucketById(store, input.bucket)
  const running = store.operations.begin()
  const gates = gatesOf(store, bucket)
  try {
    const [first, ...others] = gates
    const before = await closeFirstGate(store, first!, running.owner)
    for (const gate of others) await closeGate(store, { gate, first: first! }, running.owner)
    const holds = before === 'deleted' ? 'nothing' : await whatItHolds(store, gates, running.owner)
    if (holds !== 'nothing') {
      throw new StoreError('BucketNotEmpty', 'Cannot delete the bucket: it is not empty', {
        details: { holds },
      })
    }
    for (const gate of gates) {
      await inStoreWords(store.tables.change(gate, deleteGateCommand(running.owner)))
    }
  } catch (error) {
    await openGates(store, gates, running.owner)
    throw error
  } finally {
    running.end()
  }
  await removeRow(store, bucket)
}

/**
 * Finishes a delete that was decided and then cut off: whoever makes a bucket of that name must not be told
 * that it is there.
 *
 * @returns whether there was one
 * @throws {StoreError} as `deleteBucket`
 */
export async function finishDecidedDelete(store: Store, bucket: Bucket): Promise<boolean> {
  const [first] = gatesOf(store, bucket)
  if ((await inStoreWords(store.tables.get(first!)))?.state !== 'deleted') return false
  try {
    await deleteBucket(store, { bucket: bucket.id })
  } catch (error) {
    // Somebody else was quicker.
    if (!(error instanceof StoreError) || error.code !== 'NoSuchBucket') throw error
  }
  return true
}

/** The row goes, then its names: a name that is left behind is taken by the next who wants it. */
async function removeRow(store: Store, bucket: Bucket): Promise<void> {
  const ref = { table: store.model.bucket, partitionKey: BUCKETS, key: bucket.id }
  await changingCopied(store, async (change) => {
    await change(ref, removeBucketCommand({ pendingOnly: false }))
    for (const name of bucket.names) {
      const nameRef = { table: store.model.bucketName, partitionKey: NAMES, key: name }
      await change(nameRef, releaseNameCommand({ bucket: bucket.id }))
    }
    const claim = { bucket: bucket.id }
    for (const local of bucket.localNames) await releaseLocalName(store, local, claim, change)
  })
}

/** The gates of all shards; the first one decides. */
export function gatesOf(store: Store, bucket: BucketSummary): RegisterRef<GateValue>[] {
  return Array.from({ length: bucket.shardCount }, (_, shard) => ({
    table: store.model.gate,
    partitionKey: objectPartitionKey(bucket.id, shard),
    key: GATE_KEY,
  }))
}

/**
 * Closes the gate that decides, in the place of a closer that does not answer: whoever that is, it
 * cannot decide any more.
 *
 * @returns its state before
 */
async function closeFirstGate(
  store: Store,
  gate: RegisterRef<GateValue>,
  by: OperationOwner,
): Promise<string> {
  const value = await inStoreWords(store.tables.get(gate))
  const other = value?.by
  const isLeft = other !== undefined && !(await isDeleting(store, other))
  const command = closeGateCommand(by, isLeft ? other : undefined)
  return (await inStoreWords(store.tables.change(gate, command))) as string
}

/** Takes it from another closer only while that one has no hold on the first gate any more. */
async function closeGate(
  store: Store,
  { gate, first }: Readonly<Record<'gate' | 'first', RegisterRef<GateValue>>>,
  by: OperationOwner,
): Promise<void> {
  const other = (await inStoreWords(store.tables.get(gate)))?.by
  if (other !== undefined) {
    const decisive = await inStoreWords(store.tables.get(first))
    const isOurs = decisive?.by !== undefined && isSameOperation(decisive.by, by)
    if (!isOurs && decisive?.state !== 'deleted') {
      throw new StoreError('SlowDown', 'Cannot delete the bucket: somebody else does, or writes')
    }
  }
  await inStoreWords(store.tables.change(gate, closeGateCommand(by, other)))
}

/**
 * As owners know it behind gates that `by` has closed there: with one that has not heard of that a
 * write on its way could come to live afterwards.
 *
 * @throws {StoreError} `Unavailable`: too few have, or a row that the closed gate does not let settle
 */
async function whatItHolds(
  store: Store,
  gates: readonly RegisterRef<GateValue>[],
  by: OperationOwner,
): Promise<Holds> {
  const fence = gateFence(by)
  const kinds = [
    ['objects', LIVE_INDEX],
    ['uploads', UPLOADS_INDEX],
  ] as const
  for (const [holds, index] of kinds) {
    for (const { partitionKey } of gates) {
      const page = await inStoreWords(
        store.tables.page(store.model.object, index, partitionKey, { limit: 1, fence }),
      )
      if (page.entries.length > 0) return holds
    }
  }
  return 'nothing'
}

/**
 * Best effort: a gate that stays closed is opened by the next write that meets it. The first one
 * first: while it may yet be deleted nothing may live behind the others.
 */
async function openGates(
  store: Store,
  gates: readonly RegisterRef<GateValue>[],
  by: OperationOwner,
): Promise<void> {
  const [first, ...others] = gates
  try {
    await openFirstGate(store, first!, by)
    const value = await store.tables.get(first!)
    if (value?.state === 'deleted') return
    for (const gate of others) await store.tables.change(gate, openGateCommand(by))
  } catch (error) {
    store.log.warn({ error: String(error) }, 'could not open the gates of a bucket again')
  }
}
