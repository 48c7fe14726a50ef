/** PutObject: the one way a body becomes an object, whoever sends it. */

import type { BucketId } from '../../base/ids.ts'
import { INLINE_SIZE_BYTES_MAX, PUT_SIZE_BYTES_MAX } from '../../base/limits.ts'
import { putObjectCommand } from '../../model/commands/put-object.ts'
import type { RunningOperation } from '../../model/operations.ts'
import type { Checksum } from '../../model/rows/checksum.ts'
import type { WriteConditions } from '../../model/rows/conditions.ts'
import type { Metadata } from '../../model/rows/object.ts'
import { refuseOverQuota, withinQuota } from '../bucket/quota.ts'
import { BlockWriter } from './block-writer.ts'
import type { Body } from './body.ts'
import { receiveBody } from './receive-body.ts'
import { newSeal } from './sealing.ts'
import { bucketById, changeObject, objectRef, type Store } from '../store.ts'

export interface PutObjectInput {
  readonly bucket: BucketId
  readonly key: string
  readonly metadata: Metadata
  readonly conditions?: WriteConditions | undefined
  readonly body: Body
  /** Encrypts the object (SSE-C); 32 bytes, never stored. */
  readonly customerKey?: Uint8Array | undefined
  /** Names the operation across retries. */
  readonly operation?: string | undefined
}

export interface PutObjectResult {
  readonly etag: string
  readonly checksum: Checksum | undefined
  readonly size: number
}

/**
 * Stores an object: acknowledged means on stable storage, visible to every later read.
 *
 * @throws {StoreError}
 */
export async function putObject(store: Store, input: PutObjectInput): Promise<PutObjectResult> {
  const { key, body, metadata, conditions, operation } = input
  const bucket = await bucketById(store, input.bucket)
  const ref = objectRef(store, bucket, key)
  const refused = refuseOverQuota(store, bucket, { key, bytes: body.length ?? 0 })
  if (refused !== undefined) await refused
  const { customerKey } = input
  const seal = customerKey === undefined ? undefined : newSeal(store.rng, customerKey)
  let running: RunningOperation | undefined
  try {
    const received = await receiveBody(store, {
      body,
      inlineSizeBytesMax: store.inlineSizeBytesMax ?? INLINE_SIZE_BYTES_MAX,
      sizeBytesMax: PUT_SIZE_BYTES_MAX,
      seal,
      facts: () => {
        running = store.operations.begin()
        return { partitionKey: ref.partitionKey, key, part: undefined, owner: running.owner }
      },
    })
    const { content, size, etag, checksum, receivedAt: firstTime } = received
    const isLarge = content instanceof BlockWriter
    if (isLarge) await content.assertInUse()
    const command = putObjectCommand({
      size,
      etag,
      metadata,
      checksum,
      body: isLarge ? content.manifest : content,
      sealing: seal?.sealing,
      ...conditions,
    })
    const options = { firstTime, ...(operation === undefined ? {} : { operation }) }
    const answer = await withinQuota(store, bucket, { key, bytes: size }, () =>
      changeObject(store, ref, command, options),
    )
    return { etag: answer as string, checksum, size }
  } finally {
    running?.end()
  }
}
