/** CopyObject: an object made of another one, by sharing its blocks where its ETag stays true. */

import { DomainError } from '../../base/errors.ts'
import type { BucketId } from '../../base/ids.ts'
import { INLINE_SIZE_BYTES_MAX, PUT_SIZE_BYTES_MAX } from '../../base/limits.ts'
import { base64Of } from '../../base/bytes.ts'
import {
  copyObjectCommand,
  NOT_REMEMBERED,
  recallCommand,
  type CopyObjectAnswer,
} from '../../model/commands/put-object.ts'
import type { RunningOperation } from '../../model/operations.ts'
import type { Checksum, ChecksumAlgorithm } from '../../model/rows/checksum.ts'
import type { WriteConditions } from '../../model/rows/conditions.ts'
import {
  isInline,
  type Metadata,
  type ObjectBody,
  type ObjectValue,
  type ObjectVersion,
} from '../../model/rows/object.ts'
import type { Sealing } from '../../model/rows/sealing.ts'
import type { Plain } from '../../table/schema.ts'
import type { ChangeOptions, RegisterRef } from '../../table/table.ts'
import { refusalCode, StoreError, toStoreError, type StoreErrorCode } from '../errors.ts'
import { refuseOverQuota, withinQuota } from '../bucket/quota.ts'
import { bucketById, changeObject, objectRef, type Store } from '../store.ts'
import { assertManifestsInUse, BlockWriter, type ManifestFacts } from './block-writer.ts'
import { digestKinds } from './checksum.ts'
import {
  currentVersion,
  holdVersion,
  readerOf,
  type ObjectInfo,
  type ObjectInput,
} from './get-object.ts'
import { receiveBody } from './receive-body.ts'
import { newSeal } from './sealing.ts'
import { shareBlocks } from './share-blocks.ts'

export interface CopyObjectInput {
  readonly bucket: BucketId
  readonly key: string
  /** With its customer key where it is encrypted. */
  readonly source: ObjectInput
  /** Encrypts the copy (SSE-C). */
  readonly customerKey?: Uint8Array | undefined
  /** Holds conditions and size against the source that will be read; throws what they say. */
  readonly judge: (source: ObjectInfo) => void
  /** The copy's, from those of the source. */
  readonly metadata: (source: Metadata) => Metadata
  /** The source's own kind of checksum is kept when absent. */
  readonly checksumWanted?: ChecksumAlgorithm | undefined
  /** Of the destination. */
  readonly conditions?: WriteConditions | undefined
  /** Names the operation across retries. */
  readonly operation?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface CopyObjectResult {
  readonly etag: string
  readonly checksum: Checksum | undefined
  readonly modifiedMicros: number
}

/**
 * Copies an object. Its ETag is the MD5 of its bytes, as if they had been put: so that of a source
 * made of parts is computed anew.
 *
 * @throws {StoreError} `NoSuchKey` (of the source), a condition's; what `judge` throws
 */
export async function copyObject(store: Store, input: CopyObjectInput): Promise<CopyObjectResult> {
  const { key, operation } = input
  const begun = store.tables.now()
  const bucket = await bucketById(store, input.bucket)
  const ref = objectRef(store, bucket, key)
  let source: ObjectVersion
  try {
    source = await judgedSource(store, input)
  } catch (error) {
    if (saysNothing(error)) throw error
    if (operation === undefined) throw error
    const answer = await earlierAnswer(store, ref, { operation, begun })
    if (answer === undefined) throw error
    return resultOf(store, input, answer)
  }
  const addition = { key, bytes: source.size }
  const endHold = holdVersion(store, source)
  let running: RunningOperation | undefined
  try {
    await refuseOverQuota(store, bucket, addition)
    const content = await contentOf(store, source, input, () => {
      running = store.operations.begin()
      return { partitionKey: ref.partitionKey, key, part: undefined, owner: running.owner }
    })
    // It may have taken long: whoever went away meanwhile may have put something else there since.
    input.signal?.throwIfAborted()
    const { readAt, ...made } = content
    const firstTime = readAt ?? begun
    if (!isInline(content.body)) await assertManifestsInUse(store, [content.body])
    const metadata = input.metadata(source.metadata)
    const command = copyObjectCommand({ metadata, ...made, ...input.conditions })
    const change = (options: ChangeOptions): Promise<Plain> =>
      changeObject(store, ref, command, { firstTime, ...options })
    const answer = await withinQuota(store, bucket, addition, () =>
      operation === undefined ? change({}) : changeNamed({ operation, begun }, change),
    )
    const [etag, modifiedMicros] = answer as CopyObjectAnswer
    return { etag, modifiedMicros, checksum: content.checksum }
  } catch (error) {
    throw toStoreError(error)
  } finally {
    endHold()
    running?.end()
  }
}

async function judgedSource(store: Store, input: CopyObjectInput): Promise<ObjectVersion> {
  const source = await currentVersion(store, input.source)
  input.judge(readerOf(store, source, input.source.customerKey).info)
  return source
}

const passing: ReadonlySet<StoreErrorCode> = new Set([
  'Unavailable',
  'OutcomeUnknown',
  'SlowDown',
  'BlockUnavailable',
])

/** Whether a source was only not to be read: then nothing is told of it, and nothing recalled. */
function saysNothing(error: unknown): boolean {
  return error instanceof StoreError && passing.has(error.code)
}

/** Tries of one call that found their source wanting, before its copies are not recognised. */
const WANTING_MAX = 8

/** The names of one copy: where none was made under one of them, it goes on under the next. */
function namesOf(operation: string): readonly string[] {
  return Array.from({ length: WANTING_MAX }, (_, count) => operation + '+'.repeat(count))
}

/**
 * Makes the copy, unless it was made under that name. Where an earlier try of it found its source
 * wanting, that no copy is made under the name is written down: then it is made under the next. Not
 * where it was a later try that did: then it is this one that must not be made any more.
 *
 * @param named.begun before the source was looked at
 */
async function changeNamed(
  { operation, begun }: { readonly operation: string; readonly begun: number },
  change: (options: ChangeOptions) => Promise<Plain>,
): Promise<Plain> {
  for (const name of namesOf(operation)) {
    try {
      return await change({ operation: name })
    } catch (error) {
      if (refusalCode(error) !== NOT_REMEMBERED) throw error
      if (recalledAt(error) > begun) break
    }
  }
  throw new StoreError('SlowDown', 'Cannot copy: a later try has ended without a copy')
}

/** When it was written down; 0 where an earlier build did that, which did not say so. */
function recalledAt(error: unknown): number {
  const time = error instanceof DomainError ? error.details['time'] : undefined
  return typeof time === 'number' ? time : 0
}

/**
 * A repeated copy may find a source that is another by now, perhaps by the copy itself. Where none was
 * made, that is written down: so none is made by a try before this one that is still under way.
 */
async function earlierAnswer(
  store: Store,
  ref: RegisterRef<ObjectValue>,
  { operation, begun }: { readonly operation: string; readonly begun: number },
): Promise<CopyObjectAnswer | undefined> {
  for (const name of namesOf(operation)) {
    try {
      const answer = await store.tables.change(ref, recallCommand, { operation: name })
      return answer as CopyObjectAnswer
    } catch (error) {
      if (refusalCode(error) !== NOT_REMEMBERED) throw toStoreError(error)
      if (recalledAt(error) > begun) return undefined
    }
  }
  return undefined
}

/** The checksum of an earlier copy is that of its version, as long as that is the current one. */
async function resultOf(
  store: Store,
  input: ObjectInput,
  [etag, modifiedMicros]: CopyObjectAnswer,
): Promise<CopyObjectResult> {
  const current = await currentVersion(store, input).catch(() => undefined)
  const checksum = current?.id === modifiedMicros ? current.checksum : undefined
  return { etag, modifiedMicros, checksum }
}

interface Content {
  readonly size: number
  readonly etag: string
  readonly checksum: Checksum | undefined
  /** A manifest is `in use`. */
  readonly body: ObjectBody
  readonly sealing?: Sealing | undefined
  /** Hybrid time at which the last of the source was read, or shared, where it lies in blocks. */
  readonly readAt?: number
}

/** What the copy consists of. @param facts asked only where it gets a manifest */
async function contentOf(
  store: Store,
  source: ObjectVersion,
  input: CopyObjectInput,
  facts: () => ManifestFacts,
): Promise<Content> {
  const isSealed = source.sealing !== undefined || input.customerKey !== undefined
  if (source.partCount !== undefined || isSealed) return rewritten(store, source, input, facts)
  const { size, etag, body } = source
  const checked = await checksumOf(store, source, input)
  if (isInline(body)) return { size, etag, ...checked, body }
  const shared = await shareBlocks(store, { id: body, size }, facts())
  return { size, etag, ...checked, body: shared, readAt: store.tables.now() }
}

/** The source's checksum, or one of the wanted algorithm, of its bytes. */
async function checksumOf(
  store: Store,
  source: ObjectVersion,
  { checksumWanted, signal }: CopyObjectInput,
): Promise<Pick<Content, 'checksum' | 'readAt'>> {
  const { checksum, size } = source
  if (checksumWanted === undefined || checksum?.algorithm === checksumWanted) return { checksum }
  const kind = digestKinds[checksumWanted]
  const digest = store.compute.digest([kind])
  try {
    for await (const piece of readerOf(store, source).read(0, size - 1, signal)) {
      const fed = digest.update(piece)
      if (fed !== undefined) await fed
    }
    const value = base64Of((await digest.finish())[kind]!)
    const computed: Checksum = { algorithm: checksumWanted, type: 'FULL_OBJECT', value }
    return { checksum: computed, readAt: store.tables.now() }
  } finally {
    digest.discard()
  }
}

/** The way of a body that is put; blocks that lie here are not stored again. */
async function rewritten(
  store: Store,
  source: ObjectVersion,
  input: CopyObjectInput,
  facts: () => ManifestFacts,
): Promise<Content> {
  const { customerKey } = input
  const seal = customerKey === undefined ? undefined : newSeal(store.rng, customerKey)
  const reader = readerOf(store, source, input.source.customerKey)
  const received = await receiveBody(store, {
    body: {
      pieces: reader.readForCopy(0, source.size - 1, input.signal),
      length: source.size,
      expect: () => ({}),
      checksumWanted: input.checksumWanted ?? source.checksum?.algorithm,
    },
    inlineSizeBytesMax: store.inlineSizeBytesMax ?? INLINE_SIZE_BYTES_MAX,
    sizeBytesMax: PUT_SIZE_BYTES_MAX,
    seal,
    facts,
  })
  const { size, etag, checksum, content, receivedAt: readAt } = received
  const body = content instanceof BlockWriter ? content.manifest : content
  return { size, etag, checksum, body, sealing: seal?.sealing, readAt }
}
