import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { test } from 'node:test'
import type { BucketId } from '../../../src/base/ids.ts'
import { MIB } from '../../../src/base/limits.ts'
import { completeUpload } from '../../../src/store/upload/complete-upload.ts'
import { getObject, headObject } from '../../../src/store/object/get-object.ts'
import { listUploads } from '../../../src/store/upload/list-uploads.ts'
import { withTables } from '../../../src/simulation/plant.ts'
import { TableError } from '../../../src/table/errors.ts'
import { abortUpload, createUpload, listParts } from '../../../src/store/upload/multipart.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import type { Store } from '../../../src/store/store.ts'
import { uploadPart } from '../../../src/store/upload/upload-part.ts'
import { bodyOf, bucketOf, bytesOf, codeOf, content, openStore, type World } from '../harness.ts'

const key = 'a'

function md5(bytes: Uint8Array): Buffer {
  return createHash('md5').update(bytes).digest()
}

function crcOf(bytes: Uint8Array): string {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(crc32(bytes))
  return buffer.toString('base64')
}

interface Begun {
  readonly bucket: BucketId
  readonly uploadId: string
  readonly put: (
    partNumber: number,
    bytes: Uint8Array,
  ) => Promise<{ partNumber: number; etag: string }>
}

async function begin(
  store: Store,
  bucket: BucketId,
  choices: Partial<Parameters<typeof createUpload>[1]> = {},
): Promise<Begun> {
  const metadata = [['x-amz-meta-a', '1']] as const
  const { uploadId } = await createUpload(store, { bucket, key, metadata, ...choices })
  return {
    bucket,
    uploadId,
    async put(partNumber, bytes) {
      const body = bodyOf(bytes)
      const { etag } = await uploadPart(store, { bucket, key, uploadId, partNumber, body })
      return { partNumber, etag }
    },
  }
}

async function assertClean(world: World, scanned: Record<string, number>): Promise<void> {
  await world.releaseAll()
  const report = await world.check()
  assert.deepEqual(report.faults, [])
  for (const [name, count] of Object.entries(scanned)) {
    assert.equal(report.scanned[name as 'parts'], count, name)
  }
}

const first = content(1, 5 * MIB + 3)
const second = content(2, 5 * MIB)
const last = content(3, 10)

test('completeUpload() makes one object of parts sent out of order and again', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const { uploadId, put } = await begin(store, bucket)
  const parts = [await put(9, last), await put(2, second), await put(1, second)]
  const again = await put(1, first)
  const spare = await put(5, last)
  const named = [again, parts[1]!, parts[0]!]
  const listed = await listParts(store, { bucket, key, uploadId, limit: 2 })
  assert.deepEqual(
    listed.parts.map(({ partNumber, size }) => [partNumber, size]),
    [
      [1, first.length],
      [2, second.length],
    ],
  )
  assert.equal(listed.truncated, true)
  const rest = await listParts(store, { bucket, key, uploadId, limit: 2, after: 2 })
  assert.deepEqual(
    rest.parts.map(({ partNumber }) => partNumber),
    [5, 9],
  )
  assert.equal(rest.truncated, false)

  const done = await completeUpload(store, { bucket, key, uploadId, parts: named })
  const joined = md5(Buffer.concat([md5(first), md5(second), md5(last)])).toString('hex')
  assert.equal(done.etag, `${joined}-3`)
  assert.deepEqual(await completeUpload(store, { bucket, key, uploadId, parts: named }), done)
  const others = [again, spare]
  assert.equal(
    await codeOf(completeUpload(store, { bucket, key, uploadId, parts: others })),
    'InvalidPart',
  )

  const whole = Buffer.concat([first, second, last])
  const { info, read } = await getObject(store, { bucket, key })
  assert.equal(info.size, whole.length)
  assert.equal(info.parts?.count, 3)
  assert.deepEqual(info.metadata, [['x-amz-meta-a', '1']])
  const third = await info.part(3)
  assert.equal(third?.start, first.length + second.length)
  assert.equal(third?.size, last.length)
  assert.equal(await info.part(4), undefined)
  assert.ok(whole.equals(await bytesOf(read(0, whole.length - 1))))
  const across = await bytesOf(read(first.length - 5, first.length + 5))
  assert.ok(whole.subarray(first.length - 5, first.length + 6).equals(across))

  await assertClean(world, { objects: 1, parts: 0, manifests: 4 })
  // After the parts' rows are gone it is still recognised, and the bytes are still there.
  assert.deepEqual(await completeUpload(store, { bucket, key, uploadId, parts: named }), done)
  const after = await getObject(store, { bucket, key })
  assert.ok(whole.equals(await bytesOf(after.read(0, whole.length - 1))))

  await putObject(store, { bucket, key, metadata: [], body: bodyOf(last) })
  await assertClean(world, { objects: 1, manifests: 0, blocks: 0, references: 0 })
  await world.stop()
})

test('a part that fails late leaves the one before it; one that succeeds takes its place', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const { uploadId, put } = await begin(store, bucket)
  const acknowledged = await put(1, last)
  const failing: Store = {
    ...store,
    ...withTables(store, (tables) => ({
      read: (table, keys, options) =>
        table.name === 'part'
          ? Promise.reject(new TableError('QuorumNotReached', 'nobody answers'))
          : tables.read(table, keys, options),
    })),
  }
  // With the same bytes and with others.
  for (const bytes of [last, content(4, 20)]) {
    const input = { bucket, key, uploadId, partNumber: 1, body: bodyOf(bytes) }
    assert.equal(await codeOf(uploadPart(failing, input)), 'Unavailable')
  }
  await world.releaseAll()
  const named = { bucket, key, uploadId, parts: [acknowledged] }
  assert.deepEqual((await completeUpload(store, named)).etag.endsWith('-1'), true)
  await assertClean(world, { objects: 1, parts: 0, manifests: 2 })

  const other = await begin(store, bucket)
  const before = await other.put(1, last)
  const after = await other.put(1, content(4, 20))
  const complete = (parts: readonly { partNumber: number; etag: string }[]): Promise<unknown> =>
    completeUpload(store, { bucket, key, uploadId: other.uploadId, parts })
  assert.equal(await codeOf(complete([before])), 'InvalidPart')
  await complete([after])
  await assertClean(world, { objects: 1, parts: 0, manifests: 2 })
  await world.stop()
})

test('abortUpload() leaves nothing, and ends the upload for good', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const { uploadId, put } = await begin(store, bucket)
  const parts = [await put(1, first)]
  await abortUpload(store, { bucket, key, uploadId })
  assert.equal(await codeOf(abortUpload(store, { bucket, key, uploadId })), 'NoSuchUpload')
  assert.equal(await codeOf(put(2, last)), 'NoSuchUpload')
  assert.equal(
    await codeOf(completeUpload(store, { bucket, key, uploadId, parts })),
    'NoSuchUpload',
  )
  assert.equal(await codeOf(listParts(store, { bucket, key, uploadId, limit: 1 })), 'NoSuchUpload')
  await assertClean(world, { objects: 0, parts: 0, manifests: 0, blocks: 0 })
  await world.stop()
})

test('a part whose manifest nobody could vouch for stays: its outcome is unknown', async () => {
  const world = await openStore()
  const { bucket } = await bucketOf(world.store)
  const { uploadId } = await begin(world.store, bucket)
  let isSilent = false
  const tables = new Proxy(world.tables, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name)
      if (typeof found !== 'function') return found
      if (name === 'read' && isSilent) {
        return () => Promise.reject(new TableError('QuorumNotReached', 'nobody answers'))
      }
      return (...args: unknown[]): unknown => {
        // What comes after the row of the part is not answered.
        if (name === 'insert' && (args[0] as { name: string }).name === 'part') isSilent = true
        return found.apply(target, args) as unknown
      }
    },
  })
  const at = { bucket, key, uploadId, partNumber: 1 }
  const late = uploadPart({ ...world.store, tables }, { ...at, body: bodyOf(first) })
  assert.equal(await codeOf(late), 'Unavailable')
  const { parts } = await listParts(world.store, { bucket, key, uploadId, limit: 10 })
  assert.deepEqual(
    parts.map(({ partNumber, size }) => [partNumber, size]),
    [[1, first.length]],
  )
  await world.stop()
})

test('uploadPart() that is overtaken by an abort leaves no part', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const { uploadId } = await begin(store, bucket)
  const body = bodyOf(first)
  async function* slow(): AsyncGenerator<Uint8Array> {
    let count = 0
    for await (const piece of body.pieces) {
      yield piece
      count += 1
      if (count === 20) await abortUpload(store, { bucket, key, uploadId })
    }
  }
  const late = uploadPart(store, {
    ...{ bucket, key, uploadId, partNumber: 1 },
    body: { ...body, pieces: slow() },
  })
  assert.equal(await codeOf(late), 'NoSuchUpload')
  await assertClean(world, { parts: 0, manifests: 0, blocks: 0 })
  await world.stop()
})

test('completeUpload() refuses what S3 refuses', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const { uploadId, put } = await begin(store, bucket)
  const [one, two] = [await put(1, last), await put(2, last)]
  const complete = (parts: Parameters<typeof completeUpload>[1]['parts']): Promise<unknown> =>
    codeOf(completeUpload(store, { bucket, key, uploadId, parts }))
  assert.equal(await complete([two, one]), 'InvalidPartOrder')
  assert.equal(await complete([one, one]), 'InvalidPartOrder')
  assert.equal(await complete([one, two]), 'EntityTooSmall')
  assert.equal(await complete([{ ...one, partNumber: 3 }]), 'InvalidPart')
  assert.equal(await complete([{ partNumber: 1, etag: '0'.repeat(32) }]), 'InvalidPart')
  assert.equal(await complete([{ partNumber: 1, etag: 'x' }]), 'InvalidPart')
  const other = { bucket, key: 'b', uploadId, parts: [one] }
  assert.equal(await codeOf(completeUpload(store, other)), 'NoSuchUpload')
  const wrongSize = { bucket, key, uploadId, parts: [one], objectSize: 11 }
  assert.equal(await codeOf(completeUpload(store, wrongSize)), 'InvalidPart')
  const ifMatch = { bucket, key, uploadId, parts: [one], conditions: { ifMatch: 'x' } }
  assert.equal(await codeOf(completeUpload(store, ifMatch)), 'ConditionNotFound')
  assert.equal(await complete([two]), 'no error')
  await assertClean(world, { objects: 1, parts: 0, manifests: 2 })
  await world.stop()
})

test('completeUpload() computes checksums of both types', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const whole = Buffer.concat([first, second, last])
  const full = await begin(store, bucket, {
    checksumAlgorithm: 'CRC32',
    checksumType: 'FULL_OBJECT',
  })
  const parts = [await full.put(1, first), await full.put(2, second), await full.put(3, last)]
  const checksum = { algorithm: 'CRC32', value: crcOf(whole) } as const
  const input = { bucket, key, uploadId: full.uploadId, parts }
  const wrong = { ...input, checksum: { algorithm: 'CRC32', value: 'AAAAAA==' } as const }
  assert.equal(await codeOf(completeUpload(store, wrong)), 'BadDigest')
  const other = { ...input, checksum: { algorithm: 'CRC32C', value: 'AAAAAA==' } as const }
  assert.equal(await codeOf(completeUpload(store, other)), 'InvalidChecksum')
  const done = await completeUpload(store, { ...input, checksum })
  assert.deepEqual(done.checksum, { ...checksum, type: 'FULL_OBJECT' })

  const composite = await begin(store, bucket, { checksumAlgorithm: 'SHA256' })
  const two = [await composite.put(1, first), await composite.put(2, last)]
  await completeUpload(store, { bucket, key, uploadId: composite.uploadId, parts: two })
  const sha = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
  const value = sha(Buffer.concat([sha(first), sha(last)])).toString('base64')
  const info = await headObject(store, { bucket, key })
  assert.deepEqual(info.checksum, { algorithm: 'SHA256', type: 'COMPOSITE', value: `${value}-2` })
  const part = await info.part(2)
  assert.equal(part?.checksum?.value, sha(last).toString('base64'))
  await world.stop()
})

test('createUpload() refuses checksum types that S3 does not know', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const code = (choices: object): Promise<unknown> =>
    codeOf(createUpload(store, { bucket, key, metadata: [], ...choices }))
  const full = { checksumType: 'FULL_OBJECT' }
  assert.equal(await code({ ...full, checksumAlgorithm: 'SHA256' }), 'InvalidChecksum')
  assert.equal(await code(full), 'InvalidChecksum')
  const composite = { checksumType: 'COMPOSITE' }
  assert.equal(await code({ ...composite, checksumAlgorithm: 'CRC64NVME' }), 'InvalidChecksum')
  assert.equal(await code({ ...composite, checksumAlgorithm: 'CRC32C' }), 'no error')
  await world.stop()
})

test('listUploads() walks keys and ids by its markers', async () => {
  const world = await openStore({ shardCount: 4 })
  const { store } = world
  const { bucket } = await bucketOf(store)
  const made: string[] = []
  for (const name of ['a', 'a', 'b', 'dir/x', 'dir/y', 'e']) {
    const { uploadId } = await createUpload(store, { bucket, key: name, metadata: [] })
    made.push(`${name} ${uploadId}`)
  }
  for (const limit of [1, 2, 3, 100]) {
    const found: string[] = []
    let markers: { keyMarker?: string; uploadIdMarker?: string } = {}
    for (;;) {
      const page = await listUploads(store, { bucket, limit, ...markers })
      assert.ok(page.uploads.length <= limit)
      found.push(...page.uploads.map((upload) => `${upload.key} ${upload.uploadId}`))
      if (page.next === undefined) break
      markers = page.next
    }
    assert.deepEqual(found, made, `limit ${limit}`)
  }
  const folded = await listUploads(store, { bucket, delimiter: '/', limit: 3 })
  assert.deepEqual(folded.prefixes, [])
  assert.equal(folded.truncated, true)
  const rest = await listUploads(store, { bucket, delimiter: '/', limit: 3, ...folded.next })
  assert.deepEqual(rest.prefixes, ['dir/'])
  assert.deepEqual(
    rest.uploads.map((upload) => upload.key),
    ['e'],
  )
  await world.stop()
})

test('a Complete that is overtaken by another of the same parts gets its answer', async () => {
  const world = await openStore()
  const { store, tables } = world
  const { bucket } = await bucketOf(store)
  const { uploadId, put } = await begin(store, bucket)
  const input = { bucket, key, uploadId, parts: [await put(1, last)] }
  let first: { readonly etag: string } | undefined
  const overtaken = {
    get: tables.get.bind(tables),
    now: () => tables.now(),
    // The other comes to its end, and the parts are swept, before this one reads them.
    read: async (...args: Parameters<typeof tables.read>) => {
      if (first === undefined) {
        first = await completeUpload(store, input)
        await world.releaseAll()
      }
      return tables.read(...args)
    },
  }
  const second = await completeUpload({ ...store, tables: overtaken as never }, input)
  assert.equal(second.etag, first!.etag)
  await world.stop()
})
