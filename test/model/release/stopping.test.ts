import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../../src/base/limits.ts'
import { parseNote, releaseNotes } from '../../../src/model/notes.ts'
import { ReleaseWorker } from '../../../src/model/release.ts'
import { deleteObject } from '../../../src/store/object/delete-object.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { abortUpload, createUpload } from '../../../src/store/upload/multipart.ts'
import { bodyOf, bucketOf, content, openStore } from '../../store/harness.ts'
import { insteadOf } from '../../support/instead-of.ts'

test('a node that stops waits for one note, however many are worked on', async () => {
  const world = await openStore()
  const { store, db, clock, tables } = world
  const { model, operations, holds, log } = store
  const { bucket } = await bucketOf(store)
  for (const key of ['a', 'b', 'c', 'd']) {
    const { uploadId } = await createUpload(store, { bucket, key, metadata: [] })
    await abortUpload(store, { bucket, key, uploadId })
    await putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 2 * MIB)) })
    await deleteObject(store, { bucket, key })
  }
  const notes = await db.range(releaseNotes, { limit: 100 })
  for (const wished of ['upload', 'manifest'] as const) {
    const some = notes.filter(({ key, value }) => parseNote(key, value).kind === wished)
    assert.equal(some.length, 4, wished)
    const stopping = new AbortController()
    const asked = new Set<string>()
    const get: typeof tables.get = (ref) => {
      if (ref.table.name === model.object.name) asked.add(ref.key)
      stopping.abort(new Error('it is stopped'))
      return tables.get(ref)
    }
    const worker = new ReleaseWorker({
      ...{ model, operations, holds, clock, log, tables: insteadOf(tables, { get }) },
      db: insteadOf(db, { range: (() => Promise.resolve(some)) as unknown as typeof db.range }),
    })
    await assert.rejects(worker.work(stopping.signal), /it is stopped/)
    assert.equal(asked.size, 1, wished)
  }
  await world.stop()
})
