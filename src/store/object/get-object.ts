/** HeadObject and GetObject: what an object is, and its bytes, each block verified. */

import type { BucketId } from '../../base/ids.ts'
import type { Slot } from '../../block/blocks.ts'
import type { Checksum } from '../../model/rows/checksum.ts'
import { isInline, type Metadata, type ObjectVersion } from '../../model/rows/object.ts'
import { StoreError, toStoreError } from '../errors.ts'
import { SEAL_TAG_BYTES } from '../../base/limits.ts'
import { sealOf, type BlockSeal, type Seal } from './sealing.ts'
import { blockSpans, partSpans, partsOf, type BlockSpan } from './manifest-reader.ts'
import { bucketById, objectRef, readObject, type Store } from '../store.ts'

export interface PartInfo {
  /** First byte in the object. */
  readonly start: number
  readonly size: number
  readonly checksum: Checksum | undefined
}

export interface NumberedPart extends PartInfo {
  readonly number: number
}

export interface ObjectParts {
  readonly count: number
  /** At most `limit` parts with a number above `after`, by number. */
  readonly page: (after: number, limit: number) => Promise<readonly NumberedPart[]>
}

export interface ObjectInfo {
  readonly size: number
  readonly etag: string
  readonly modifiedMicros: number
  readonly metadata: Metadata
  readonly checksum: Checksum | undefined
  /** Of an object made from parts. */
  readonly parts: ObjectParts | undefined
  /** Part `number`, from 1; an object without parts is its own part 1. */
  readonly part: (number: number) => Promise<PartInfo | undefined>
}

export interface ObjectReader {
  readonly info: ObjectInfo
  /**
   * The bytes from `start` to `endInclusive`. A piece is valid until the next is asked for. While
   * it runs, the object's blocks are kept from release, whatever becomes of the key.
   *
   * @throws {StoreError} `BlockUnavailable` when a block is missing or corrupt: the answer must be
   *   cut off then
   */
  readonly read: (
    start: number,
    endInclusive: number,
    signal?: AbortSignal,
  ) => AsyncIterable<Uint8Array>
  /** As `read`, for bytes that are written anew here: it waits until few others do so. */
  readonly readForCopy: ObjectReader['read']
}

export interface ObjectInput {
  readonly bucket: BucketId
  readonly key: string
  /** Of an encrypted object (SSE-C); 32 bytes. */
  readonly customerKey?: Uint8Array | undefined
}

/** @throws {StoreError} `NoSuchKey`, `NoSuchBucket`, a customer key's */
export async function headObject(store: Store, input: ObjectInput): Promise<ObjectInfo> {
  return (await getObject(store, input)).info
}

/** @throws {StoreError} `NoSuchKey`, `NoSuchBucket`, a customer key's */
export async function getObject(store: Store, input: ObjectInput): Promise<ObjectReader> {
  return readerOf(store, await currentVersion(store, input), input.customerKey)
}

/** @throws {StoreError} a customer key's */
export function readerOf(
  store: Store,
  version: ObjectVersion,
  customerKey?: Uint8Array,
): ObjectReader {
  const seal = sealOf(version, customerKey)
  const { body } = version
  const read: ObjectReader['read'] = (start, endInclusive, signal) =>
    isInline(body)
      ? readInline(store, { body, seal }, { start, end: endInclusive + 1 })
      : readBlocks(store, version, { start, end: endInclusive + 1, signal, seal })
  return {
    info: infoOf(store, version),
    read,
    readForCopy: (...range) =>
      isInline(body) ? read(...range) : readInTurn(store, version, read(...range), range[2]),
  }
}

/** Keeps the blocks from release while it waits for its turn, too. */
async function* readInTurn(
  store: Store,
  version: ObjectVersion,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const endHold = holdVersion(store, version)
  try {
    yield* store.copyPlaces.inTurn(pieces, signal)
  } finally {
    endHold()
  }
}

/** @throws {StoreError} `NoSuchKey`, `NoSuchBucket` */
export async function currentVersion(store: Store, input: ObjectInput): Promise<ObjectVersion> {
  const bucket = await bucketById(store, input.bucket)
  const found = readObject(store, objectRef(store, bucket, input.key))
  const value = found instanceof Promise ? await found : found
  if (value?.current === undefined) {
    const { key } = input
    throw new StoreError('NoSuchKey', `Cannot find object "${key}"`, { details: { key } })
  }
  return value.current
}

function infoOf(store: Store, version: ObjectVersion): ObjectInfo {
  const { size, etag, id, metadata, checksum, partCount } = version
  return {
    size,
    etag,
    modifiedMicros: id,
    metadata,
    checksum,
    parts:
      partCount === undefined
        ? undefined
        : {
            count: partCount,
            page: (after, limit) => partsAfter(store, version, { after, limit }),
          },
    part: (number) => findPart(store, version, number),
  }
}

async function findPart(
  store: Store,
  version: ObjectVersion,
  number: number,
): Promise<PartInfo | undefined> {
  const { body, partCount, size, checksum } = version
  if (partCount === undefined || isInline(body)) {
    return number === 1 ? { start: 0, size, checksum } : undefined
  }
  if (number < 1 || number > partCount) return undefined
  for await (const part of partsOf(store, body, partCount)) {
    if (part.number === number) return part
  }
  return undefined
}

async function partsAfter(
  store: Store,
  { body, partCount }: ObjectVersion,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly NumberedPart[]> {
  const page: NumberedPart[] = []
  if (partCount === undefined || isInline(body) || limit <= 0) return page
  for await (const part of partsOf(store, body, partCount)) {
    if (part.number <= after) continue
    page.push(part)
    if (page.length === limit) break
  }
  return page
}

async function* readInline(
  store: Store,
  { body, seal }: { readonly body: Uint8Array; readonly seal: Seal | undefined },
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<Uint8Array> {
  const whole = seal === undefined ? body : await seal.openInline(store.compute, body)
  const piece = whole.subarray(start, end)
  if (piece.length > 0) yield piece
}

interface ReadRange {
  readonly start: number
  readonly end: number
  readonly signal: AbortSignal | undefined
  readonly seal: Seal | undefined
}

/** A block on its way from a drive into a slot. */
interface Loading {
  readonly span: BlockSpan
  readonly slot: Slot
  readonly view: Promise<Uint8Array>
}

/**
 * Keeps the blocks of a version from release, whatever becomes of its key, from before its manifest
 * is read.
 *
 * @returns what ends the hold
 */
export function holdVersion(store: Store, { body, upload }: ObjectVersion): () => void {
  if (isInline(body)) return () => undefined
  return store.holds.hold(body, ...(upload === undefined ? [] : [upload]))
}

async function* readBlocks(
  store: Store,
  version: ObjectVersion,
  range: ReadRange,
): AsyncGenerator<Uint8Array> {
  const { body, partCount } = version
  if (isInline(body)) return
  const endHold = holdVersion(store, version)
  const { start, end, seal } = range
  const span = { start, end, tagBytes: seal === undefined ? 0 : SEAL_TAG_BYTES }
  const spans =
    partCount === undefined
      ? blockSpans(store, body, span)
      : partSpans(store, { id: body, partCount }, span)
  const plainOf = opener(store, seal)
  let current: Loading | undefined
  let next: Loading | undefined
  try {
    current = await load(store, spans, range.signal)
    while (current !== undefined) {
      const view = await plainOf(await current.view, current.span)
      // Reading ahead is for when there is room: a slow reader holds one slot, not two.
      const { freeCount, totalCount } = store.blocks.slab
      if (freeCount * 2 > totalCount) next = await load(store, spans, range.signal)
      yield view.subarray(current.span.from, current.span.to)
      const done: Loading = current
      current = next
      next = undefined
      await drop(done)
      current ??= await load(store, spans, range.signal)
    }
  } catch (error) {
    throw toStoreError(error)
  } finally {
    await drop(current)
    await drop(next)
    endHold()
  }
}

/** Makes the bytes of a block those of the object. */
function opener(
  store: Store,
  seal: Seal | undefined,
): (view: Uint8Array, span: BlockSpan) => Uint8Array | Promise<Uint8Array> {
  if (seal === undefined) return (view) => view
  let last: { readonly manifest: string; readonly blocks: BlockSeal } | undefined
  return (view, { manifest, index }) => {
    if (last?.manifest !== manifest) {
      last = { manifest, blocks: seal.blocks(store.compute, manifest) }
    }
    return last.blocks.open(view, index)
  }
}

async function load(
  store: Store,
  spans: AsyncGenerator<BlockSpan>,
  signal: AbortSignal | undefined,
): Promise<Loading | undefined> {
  signal?.throwIfAborted()
  const found = await spans.next()
  if (found.done === true) return undefined
  const slot = await store.blocks.slab.take(signal)
  const view = store.blocks.get(found.value.hash, slot, signal)
  // Perhaps nobody asks for it any more; whoever does is told of the failure.
  view.catch(() => undefined)
  return { span: found.value, slot, view }
}

/** Gives the slot back once nothing writes into it any more. */
async function drop(loading: Loading | undefined): Promise<void> {
  await loading?.view.catch(() => undefined)
  loading?.slot.release()
}
