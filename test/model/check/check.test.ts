import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../../src/base/limits.ts'
import type { BucketId } from '../../../src/base/ids.ts'
import { checkFaultKinds, type CheckFaultKind } from '../../../src/model/check/check.ts'
import { counterTree } from '../../../src/model/counter.table.ts'
import { releaseNotes } from '../../../src/model/notes.ts'
import { registerTree } from '../../../src/table/schema.ts'
import { completeUpload } from '../../../src/store/upload/complete-upload.ts'
import { deleteObject } from '../../../src/store/object/delete-object.ts'
import { createUpload } from '../../../src/store/upload/multipart.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { uploadPart } from '../../../src/store/upload/upload-part.ts'
import { bodyOf, bucketOf, content, openStore, type World } from '../../store/harness.ts'

async function fill(world: World): Promise<BucketId> {
  const { store } = world
  const { bucket } = await bucketOf(store)
  await putObject(store, { bucket, key: 'a', metadata: [], body: bodyOf(content(1, 2 * MIB)) })
  await putObject(store, { bucket, key: 'b', metadata: [], body: bodyOf(content(2, 10)) })
  for (const key of ['made', 'open']) {
    const { uploadId } = await createUpload(store, { bucket, key, metadata: [] })
    const input = { bucket, key, uploadId, partNumber: 1, body: bodyOf(content(3, MIB)) }
    const { etag } = await uploadPart(store, input)
    const parts = [{ partNumber: 1, etag }]
    if (key === 'made') await completeUpload(store, { bucket, key, uploadId, parts })
  }
  // The sweep of the upload that was made into an object notes its part once more.
  for (let round = 0; round < 3; round += 1) await world.releaseOnce()
  return bucket
}

async function kinds(world: World): Promise<CheckFaultKind[]> {
  const { counts } = await world.check()
  return checkFaultKinds.filter((kind) => counts[kind] > 0)
}

/** Takes the first row of a table away, behind everybody's back. */
async function lose(world: World, tag: string, matches: (key: string) => boolean): Promise<void> {
  const tree = registerTree({ name: 'lost', tag })
  const entries = await world.db.range(tree, { limit: 1000 })
  const entry = entries.find(({ key }) => matches(key))
  assert.ok(entry, 'there is such a row')
  await world.db.write((batch) => batch.del(tree, entry.key))
}

test('checkNode() finds nothing in a sound node, and counts what it saw', async () => {
  const world = await openStore()
  await fill(world)
  const report = await world.check()
  assert.deepEqual(report.faults, [])
  assert.deepEqual(
    { ...report.scanned },
    { objects: 3, parts: 1, manifests: 4, references: 4, blocks: 3 },
  )
  assert.deepEqual(report.waiting, { notes: 0, manifests: 0, blocks: 0, fetches: 0 })
  await world.stop()
})

test('checkNode() knows that the parts of an overwritten object follow it', async () => {
  const world = await openStore()
  const bucket = await fill(world)
  const body = bodyOf(content(4, 10))
  await putObject(world.store, { bucket, key: 'made', metadata: [], body })
  const report = await world.check()
  assert.deepEqual(report.faults, [])
  assert.equal(report.waiting.manifests, 2, 'that of the object and that of its part')
  await world.stop()
})

const losses: readonly [name: string, tag: string, row: RegExp, found: CheckFaultKind[]][] = [
  ['a reference', 'r', /./, ['reference-missing', 'reference-count']],
  ['a header', 'm', /!$/, ['manifest-missing', 'segment-left', 'reference-without-manifest']],
]

for (const [name, tag, row, found] of losses) {
  test(`checkNode() notices that ${name} is lost`, async () => {
    const world = await openStore()
    const bucket = await fill(world)
    // Only the one large object is left to lose something of.
    for (const key of ['made', 'open']) await deleteObject(world.store, { bucket, key })
    await lose(world, tag, (key) => row.test(key))
    const seen = await kinds(world)
    assert.ok(
      found.some((kind) => seen.includes(kind)),
      `${seen.join(' ')} holds one of ${found.join(' ')}`,
    )
    await world.stop()
  })
}

test('checkNode() notices a manifest that nobody names and nobody noted', async () => {
  const world = await openStore()
  const bucket = await fill(world)
  await deleteObject(world.store, { bucket, key: 'a' })
  assert.equal((await world.check()).waiting.manifests, 1)
  assert.deepEqual(await kinds(world), [])
  const notes = await world.db.range(releaseNotes, { limit: 10 })
  await world.db.write((batch) => notes.forEach(({ key }) => batch.del(releaseNotes, key)))
  assert.deepEqual(await kinds(world), ['manifest-unnamed'])
  await world.stop()
})

test('checkNode() recounts', async () => {
  const world = await openStore()
  await fill(world)
  const [entry] = await world.db.range(counterTree, { limit: 1 })
  await world.db.write((batch) => batch.put(counterTree, entry!.key, '7 7 7'))
  assert.deepEqual(await kinds(world), ['counter'])
  await world.stop()
})

test('checkNode() notices a block that is gone, a part and choices that are left', async () => {
  const world = await openStore()
  await fill(world)
  const { blocks } = world
  const [hash] = await blocks.allHashes(undefined, 1)
  const hidden = {
    slab: blocks.slab,
    put: blocks.put.bind(blocks),
    get: blocks.get.bind(blocks),
    guardReference: blocks.guardReference.bind(blocks),
    referenceAdded: blocks.referenceAdded.bind(blocks),
    referenceDropped: blocks.referenceDropped.bind(blocks),
    referenceCount: blocks.referenceCount.bind(blocks),
    drives: blocks.drives.bind(blocks),
    scrub: blocks.scrub.bind(blocks),
    isOverdue: blocks.isOverdue.bind(blocks),
    wanted: blocks.wanted.bind(blocks),
    has: (name: string) => name !== hash && blocks.has(name),
    allHashes: async (after: string | undefined, limit: number) =>
      (await blocks.allHashes(after, limit)).filter((name) => name !== hash),
  }
  const { checkNode } = await import('../../../src/model/check/check.ts')
  const { db, tables, store } = world
  const { model, operations } = store
  const report = await checkNode({ db, tables, model, operations, blocks: hidden })
  assert.equal(report.counts['block-missing'] > 0, true)
  assert.equal(report.counts['reference-without-block'], 1)
  // The register of the open upload goes: its part and choices belong to nobody.
  await lose(world, 'o', (key) => key.endsWith('\0open'))
  const seen = await kinds(world)
  for (const kind of ['part-left', 'upload-left', 'manifest-unnamed', 'counter'] as const) {
    assert.ok(seen.includes(kind), kind)
  }
  await world.stop()
})
