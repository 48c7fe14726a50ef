/** Objects made of parts, released by a node whose database is lost in the middle of it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../../src/base/limits.ts'
import type { ManifestHeader } from '../../../src/model/manifest.table.ts'
import { noteManifest, releaseNotes } from '../../../src/model/notes.ts'
import { completeUpload } from '../../../src/store/upload/complete-upload.ts'
import { createUpload } from '../../../src/store/upload/multipart.ts'
import { deleteObject } from '../../../src/store/object/delete-object.ts'
import { uploadPart } from '../../../src/store/upload/upload-part.ts'
import { turns } from '../../block/harness.ts'
import { bodyOf, bucketOf, content, openStore, type World } from '../../store/harness.ts'
import type { BucketId, ManifestId } from '../../../src/base/ids.ts'

const key = 'k'

/** An object made of two parts, and no note left of it. */
async function objectOfParts(world: World, bucket: BucketId): Promise<void> {
  const { store } = world
  const { uploadId } = await createUpload(store, { bucket, key, metadata: [] })
  const parts = []
  for (const partNumber of [1, 2]) {
    const body = bodyOf(content(partNumber, 5 * MIB))
    const { etag } = await uploadPart(store, { bucket, key, uploadId, partNumber, body })
    parts.push({ partNumber, etag })
  }
  await completeUpload(store, { bucket, key, uploadId, parts })
  await world.releaseAll()
}

async function headers(world: World): Promise<Map<string, ManifestHeader>> {
  const { rows } = await world.tables.localRows(world.store.model.manifest, undefined, 1000)
  return new Map(
    rows.flatMap(({ partitionKey, row }) => (row.kind === 'header' ? [[partitionKey, row]] : [])),
  )
}

/** What only a database that is lost had: its notes, but for those that every owner has. */
async function loseNotes(world: World, kept: readonly string[]): Promise<void> {
  const notes = await world.db.range(releaseNotes, { limit: 100 })
  await world.db.write((batch) => {
    for (const note of notes) if (!kept.includes(note.key)) batch.del(releaseNotes, note.key)
  })
}

test('parts are freed though the node that released their object lost its notes', async () => {
  for (let seconds = 1; seconds < 120; seconds += 6) {
    const world = await openStore()
    const { bucket } = await bucketOf(world.store)
    await objectOfParts(world, bucket)
    await deleteObject(world.store, { bucket, key })
    // The other owners have this note, until the header of the object's manifest is released.
    const [own] = (await world.db.range(releaseNotes, { limit: 10 })).map((note) => note.key)
    for (let second = 0; second < seconds; second += 1) {
      await world.releaseOnce()
      world.clock.advance(1_000)
      await turns(1)
    }
    const isReleased = (await headers(world)).get(own!.slice(1))?.state === 'released'
    await loseNotes(world, isReleased ? [] : [own!])
    const next = await world.crash()
    await next.releaseAll()
    const report = await next.check()
    assert.deepEqual(report.faults, [], `after ${seconds} s`)
    assert.equal(report.scanned.blocks, 0)
    await next.stop()
  }
})

test('an object that was to be made of parts which another is made of keeps none of them', async () => {
  const world = await openStore()
  const { bucket } = await bucketOf(world.store)
  await objectOfParts(world, bucket)
  const all = await headers(world)
  const [object] = [...all].find(([, { part }]) => part === undefined)!
  // That of a Complete that was not chosen: it lists the same parts.
  const { rows } = await world.tables.localRows(world.store.model.manifest, undefined, 1000)
  const twin = object.replace(/^../, 'aa')
  const copies = rows.filter(({ partitionKey }) => partitionKey === object)
  await world.tables.insert(
    world.store.model.manifest,
    copies.map((each) => ({ ...each, partitionKey: twin })),
  )
  await world.db.write((batch) => noteManifest(batch, twin as ManifestId))
  await world.releaseAll()
  assert.equal((await headers(world)).get(twin)?.state, 'released')
  const report = await world.check()
  assert.deepEqual([report.faults, report.scanned.parts], [[], 0])
  assert.equal(report.scanned.blocks, 10)
  await world.stop()
})
