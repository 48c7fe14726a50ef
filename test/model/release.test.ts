import assert from 'node:assert/strict'
import { partsOf } from '../../src/model/part.table.ts'
import { test } from 'node:test'
import type { ManifestId } from '../../src/base/ids.ts'
import { BLOCK_SIZE_BYTES, MIB } from '../../src/base/limits.ts'
import { putObjectCommand } from '../../src/model/commands/put-object.ts'
import { HEADER_SORT_KEY, type ManifestHeader } from '../../src/model/manifest.table.ts'
import { objectPartitionKey } from '../../src/model/rows/object.ts'
import { noteManifest, parseNote, releaseNotes } from '../../src/model/notes.ts'
import { ReleaseWorker } from '../../src/model/release.ts'
import { assertManifestsInUse, BlockWriter } from '../../src/store/object/block-writer.ts'
import { completeUpload } from '../../src/store/upload/complete-upload.ts'
import { deleteBucket } from '../../src/store/bucket/delete-bucket.ts'
import { deleteObject } from '../../src/store/object/delete-object.ts'
import { getObject } from '../../src/store/object/get-object.ts'
import { abortUpload, createUpload } from '../../src/store/upload/multipart.ts'
import { putObject } from '../../src/store/object/put-object.ts'
import { uploadPart } from '../../src/store/upload/upload-part.ts'
import { turns } from '../block/harness.ts'
import { bodyOf, bucketOf, codeOf, content, openStore, type World } from '../store/harness.ts'

const empty = { objects: 0, parts: 0, manifests: 0, references: 0, blocks: 0 }
const key = 'a'

async function assertEmpty(world: World): Promise<void> {
  await world.releaseAll()
  const report = await world.check()
  assert.deepEqual(report.faults, [])
  assert.deepEqual({ ...report.scanned }, empty)
}

async function headers(world: World): Promise<ManifestHeader[]> {
  const { rows } = await world.tables.localRows(world.store.model.manifest, undefined, 1000)
  return rows.flatMap(({ row }) => (row.kind === 'header' ? [row] : []))
}

/** Starts work that never ends: its process is killed. */
function leave(work: Promise<unknown>): void {
  work.catch(() => undefined)
}

for (const blocksBefore of [1, 2, 4, 6]) {
  test(`a PUT killed after ${blocksBefore} blocks leaves nothing after the grace`, async () => {
    const world = await openStore()
    const { store } = world
    const { bucket } = await bucketOf(store)
    const bytes = content(blocksBefore, 8 * MIB)
    let arrived: (value?: unknown) => void = () => undefined
    const there = new Promise((resolve) => (arrived = resolve))
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, blocksBefore * MIB)
      arrived()
      await new Promise(() => undefined)
    }
    const body = { pieces: pieces(), expect: () => ({}) }
    leave(putObject(store, { bucket, key, metadata: [], body }))
    await there
    await turns(blocksBefore)
    const next = await world.crash()
    const state = (await headers(next))[0]?.state
    if (blocksBefore > 1) assert.equal(state, 'pending')
    await assertEmpty(next)
    await next.stop()
  })
}

test('a running PUT is left alone however long it takes', async () => {
  const world = await openStore()
  const { store, clock } = world
  const { bucket } = await bucketOf(store)
  const bytes = content(1, 3 * MIB)
  let resume: () => void = () => undefined
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 2 * MIB)
    await new Promise<void>((resolve) => (resume = resolve))
    yield bytes.subarray(2 * MIB)
  }
  const body = { pieces: pieces(), expect: () => ({}) }
  const put = putObject(store, { bucket, key, metadata: [], body })
  await turns(20)
  for (let minute = 0; minute < 10; minute += 1) {
    clock.advance(60_000)
    await world.releaseOnce()
    await turns(5)
  }
  const during = await world.check()
  assert.deepEqual([during.faults, during.waiting.manifests], [[], 1])
  resume()
  await put
  await world.releaseAll()
  const report = await world.check()
  assert.deepEqual([report.faults, report.scanned.blocks], [[], 3])
  await world.stop()
})

test('a writer whose manifest is being closed refers to no more blocks', async () => {
  const world = await openStore()
  const { store, tables } = world
  const { bucket } = await bucketOf(store)
  const operation = store.operations.begin()
  const partitionKey = objectPartitionKey(bucket, 0)
  const facts = { partitionKey, key, part: undefined, owner: operation.owner }
  const digest = store.compute.digest(['md5'])
  const writer = new BlockWriter(store, facts, digest)
  await writer.write(content(1, MIB))
  await turns(20)
  const header: ManifestHeader = { kind: 'header', state: 'closing', ...facts }
  const row = { partitionKey: writer.manifest, sortKey: HEADER_SORT_KEY, row: header }
  await tables.insert(store.model.manifest, [row])
  assert.equal(await codeOf(writer.seal()), 'Unavailable')
  await writer.stop()
  await digest.finish()
  operation.end()
  await world.stop()
})

test('a manifest that is closing can be named by no new change', async () => {
  const world = await openStore()
  const { store, tables, clock } = world
  const { bucket } = await bucketOf(store)
  const partitionKey = objectPartitionKey(bucket, 0)
  const operation = store.operations.begin()
  const facts = { partitionKey, key, part: undefined, owner: operation.owner }
  const digest = store.compute.digest(['md5'])
  const writer = new BlockWriter(store, facts, digest)
  await writer.write(content(1, 100_000))
  await writer.end()
  await digest.finish()
  await writer.seal()
  // The writer drew its first time and saw the manifest in use; then it is thought to be gone.
  const firstTime = tables.now()
  await assertManifestsInUse(store, [writer.manifest])
  operation.end()
  await world.releaseOnce()
  assert.equal((await headers(world))[0]?.state, 'closing')
  assert.equal(await codeOf(assertManifestsInUse(store, [writer.manifest])), 'Unavailable')
  const change = (): Promise<unknown> =>
    codeOf(
      tables.change(
        { table: store.model.object, partitionKey, key },
        putObjectCommand({
          ...{ size: 100_000, etag: 'e', metadata: [], checksum: undefined },
          body: writer.manifest,
        }),
        { firstTime },
      ),
    )
  // Within the span it may still win: then the manifest stays.
  clock.advance(29_000)
  assert.equal(await change(), 'no error')
  await world.releaseAll()
  const { scanned, faults } = await world.check()
  assert.deepEqual([scanned.blocks, scanned.references, faults], [1, 1, []])
  // After the span no attempt with that first time is made any more.
  await deleteObject(store, { bucket, key })
  clock.advance(2_000)
  assert.notEqual(await change(), 'no error')
  await assertEmpty(world)
  await world.stop()
})

test('the span is waited for before anything is freed', async () => {
  const world = await openStore()
  const { store, clock } = world
  const { bucket } = await bucketOf(store)
  const put = (): Promise<unknown> =>
    putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 100_000)) })
  await put()
  await world.releaseOnce()
  assert.equal((await world.check()).waiting.notes, 0)
  await deleteObject(store, { bucket, key })
  await world.releaseOnce()
  clock.advance(29_900)
  await world.releaseOnce()
  assert.equal((await world.check()).scanned.references, 1)
  clock.advance(200)
  await world.releaseOnce()
  assert.equal((await world.check()).scanned.references, 0)
  await assertEmpty(world)
  await world.stop()
})

test('a reader keeps the blocks of an object that was overwritten', async () => {
  const world = await openStore()
  const { store, clock } = world
  const { bucket } = await bucketOf(store)
  const bytes = content(1, 4 * BLOCK_SIZE_BYTES)
  await putObject(store, { bucket, key, metadata: [], body: bodyOf(bytes) })
  const { read } = await getObject(store, { bucket, key })
  const found: Buffer[] = []
  for await (const piece of read(0, bytes.length - 1)) {
    found.push(Buffer.from(piece))
    if (found.length === 1) await deleteObject(store, { bucket, key })
    for (let minute = 0; minute < 3; minute += 1) {
      await world.releaseOnce()
      clock.advance(60_000)
      await turns(10)
    }
  }
  assert.ok(Buffer.concat(found).equals(bytes))
  await assertEmpty(world)
  await world.stop()
})

test('a reader of parts keeps them too', async () => {
  const world = await openStore()
  const { store, clock } = world
  const { bucket } = await bucketOf(store)
  const bytes = [content(1, 5 * MIB), content(2, 5 * MIB)]
  const { uploadId } = await createUpload(store, { bucket, key, metadata: [] })
  const parts = []
  for (const [index, part] of bytes.entries()) {
    const partNumber = index + 1
    const input = { bucket, key, uploadId, partNumber, body: bodyOf(part) }
    parts.push({ partNumber, etag: (await uploadPart(store, input)).etag })
  }
  await completeUpload(store, { bucket, key, uploadId, parts })
  const { read } = await getObject(store, { bucket, key })
  let size = 0
  for await (const piece of read(0, 10 * MIB - 1)) {
    if (size === 0) await deleteObject(store, { bucket, key })
    size += piece.length
    await world.releaseOnce()
    clock.advance(60_000)
    await turns(10)
  }
  assert.equal(size, 10 * MIB)
  await assertEmpty(world)
  await world.stop()
})

test('parts left by a crash in the middle of an upload go with its abort', async () => {
  const world = await openStore()
  const { bucket } = await bucketOf(world.store)
  const { uploadId } = await createUpload(world.store, { bucket, key, metadata: [] })
  const bytes = content(3, 5 * MIB)
  const input = { bucket, key, uploadId, partNumber: 1 }
  await uploadPart(world.store, { ...input, body: bodyOf(bytes) })
  leave(uploadPart(world.store, { ...input, partNumber: 2, body: bodyOf(content(4, 5 * MIB)) }))
  await turns(25)
  const next = await world.crash()
  await next.releaseAll()
  const open = await next.check()
  assert.deepEqual([open.faults, open.scanned.parts >= 1], [[], true])
  await abortUpload(next.store, { bucket, key, uploadId })
  await assertEmpty(next)
  await next.stop()
})

test('a part row that comes after its upload was ended and its manifest freed goes too', async () => {
  const world = await openStore()
  const { store, tables } = world
  const { bucket } = await bucketOf(store)
  const { uploadId } = await createUpload(store, { bucket, key, metadata: [] })
  const input = { bucket, key, uploadId, partNumber: 1 }
  await uploadPart(store, { ...input, body: bodyOf(content(3, 5 * MIB)) })
  const { rows } = await tables.localRows(store.model.part, undefined, 1)
  await abortUpload(store, { bucket, key, uploadId })
  await assertEmpty(world)
  // An owner that was away had it, above the tombstone.
  const late = rows.map((each) => ({
    ...each,
    row: { at: tables.now(), part: partsOf(each.row)[0] },
  }))
  await tables.insert(store.model.part, late)
  assert.equal((await world.check()).scanned.parts, 1)
  await assertEmpty(world)
  await world.stop()
})

test('a part row stays noted when another node has released its manifest', async () => {
  const world = await openStore()
  const { store, tables } = world
  const { bucket } = await bucketOf(store)
  const { uploadId } = await createUpload(store, { bucket, key, metadata: [] })
  const input = { bucket, key, uploadId, partNumber: 1 }
  await uploadPart(store, { ...input, body: bodyOf(content(3, 100)) })
  const [found] = (await tables.localRows(store.model.manifest, undefined, 1)).rows
  const [header] = await headers(world)
  await tables.insert(store.model.manifest, [{ ...found!, row: { ...header!, state: 'released' } }])
  await world.releaseAll()
  const { rows } = await tables.localRows(store.model.part, undefined, 1)
  assert.equal(rows[0]?.row.part, undefined)
  await world.stop()
})

test('a crash of the worker anywhere is made good by the next life', async () => {
  let world = await openStore()
  const { bucket } = await bucketOf(world.store)
  for (let count = 0; count < 12; count += 1) {
    const { store } = world
    const body = bodyOf(content(count, 3 * MIB))
    await putObject(store, { bucket, key: `${count}`, metadata: [], body })
    await deleteObject(store, { bucket, key: `${count}` })
  }
  for (let life = 0; life < 12; life += 1) {
    await world.releaseOnce()
    world.clock.advance(31_000)
    leave(world.releaseOnce())
    await turns(1 + life * 2)
    world = await world.crash()
  }
  await assertEmpty(world)
  await world.stop()
})

test('what a deleted bucket left is freed though its keys cannot be settled', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const body = bodyOf(content(1, 2 * MIB))
  await putObject(store, { bucket, key, metadata: [], body })
  await deleteObject(store, { bucket, key })
  await deleteBucket(store, { bucket })
  await assertEmpty(world)
  await world.stop()
})

test('a note that is made again while it is worked on is not lost', async () => {
  const world = await openStore()
  const { store, db } = world
  const { bucket } = await bucketOf(store)
  await putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 2 * MIB)) })
  // The worker has asked and found the manifest named; before it takes the note down, the object
  // goes.
  const work = world.releaseOnce()
  const gone = deleteObject(store, { bucket, key })
  await Promise.all([work, gone])
  const notes = await db.range(releaseNotes, { limit: 10 })
  assert.equal(notes.length, 1)
  await assertEmpty(world)
  await world.stop()
})

test('a note stays while its manifest lies here, though those that are read know none', async () => {
  const world = await openStore()
  const { store, db, clock, tables } = world
  const { model, operations, holds, log } = store
  const { bucket } = await bucketOf(store)
  await putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 2 * MIB)) })
  // As if some other row here had named it, and stopped.
  const [note] = await db.range(releaseNotes, { limit: 10 })
  const manifest = note!.key.slice(1) as ManifestId
  await db.write((batch) => noteManifest(batch, manifest))
  let isKnown = false
  const read: typeof tables.read = async (table, keys) =>
    isKnown ? tables.read(table, keys) : keys.map(() => undefined)
  const rowHere = tables.rowHere.bind(tables)
  const before = { get: tables.get.bind(tables), now: () => tables.now(), read, rowHere }
  const worker = new ReleaseWorker({
    ...{ db, model, operations, holds, clock, log },
    tables: before as unknown as typeof tables,
  })
  const { signal } = new AbortController()
  await worker.work(signal)
  assert.equal((await db.range(releaseNotes, { limit: 10 })).length, 1)
  // Reads have moved: what lies here is known, and named.
  isKnown = true
  clock.advance(6_000)
  await worker.work(signal)
  assert.equal((await db.range(releaseNotes, { limit: 10 })).length, 0)
  await world.stop()
})

test('a release that only those heard of that are read is done again by one that is not yet', async () => {
  const world = await openStore()
  const { store, db, clock, tables } = world
  const { model, operations, holds, log } = store
  const { bucket } = await bucketOf(store)
  await putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 2 * MIB)) })
  await deleteObject(store, { bucket, key })
  const [header] = await headers(world)
  const released: ManifestHeader = { ...(header as ManifestHeader), state: 'released' }
  const before = {
    get: tables.get.bind(tables),
    rowHere: tables.rowHere.bind(tables),
    range: tables.range.bind(tables),
    insert: tables.insert.bind(tables),
    read: () => Promise.resolve([released]),
  } as unknown as typeof tables
  const worker = new ReleaseWorker({
    ...{ db, model, operations, holds, clock, log },
    tables: before,
  })
  await worker.work(new AbortController().signal)
  assert.equal((await headers(world))[0]?.state, 'released')
  assert.equal((await db.range(releaseNotes, { limit: 10 })).length, 0)
  await assertEmpty(world)
  await world.stop()
})

test('a manifest that an object names is noted as named, and as not when the object goes', async () => {
  const world = await openStore()
  const { store, db } = world
  const { bucket } = await bucketOf(store)
  const noted = async (): Promise<readonly boolean[]> => {
    const notes = await db.range(releaseNotes, { limit: 10 })
    return notes.map(({ key: noteKey, value }) => {
      const note = parseNote(noteKey, value)
      return note.kind === 'manifest' && note.isNamed
    })
  }
  await putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 2 * MIB)) })
  assert.deepEqual(await noted(), [true])
  await world.releaseOnce()
  assert.deepEqual(await noted(), [])
  await deleteObject(store, { bucket, key })
  assert.deepEqual(await noted(), [false])
  await assertEmpty(world)
  await world.stop()
})

test('headers sort before segments', () => {
  assert.ok(HEADER_SORT_KEY < '0')
})
