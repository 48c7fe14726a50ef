import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManifestId, UploadId } from '../../../src/base/ids.ts'
import { silentLog } from '../../../src/base/log.ts'
import type { ReferenceKeeper } from '../../../src/model/block-ref.table.ts'
import { Holds } from '../../../src/model/holds.ts'
import { noteUpload, releaseNotes } from '../../../src/model/notes.ts'
import { RunningOperations } from '../../../src/model/operations.ts'
import { partKey, partsOf } from '../../../src/model/part.table.ts'
import { ReleaseWorker } from '../../../src/model/release.ts'
import { buildTables } from '../../../src/model/tables.ts'
import { createUpload } from '../../../src/store/upload/multipart.ts'
import { uploadPart } from '../../../src/store/upload/upload-part.ts'
import { ManualClock } from '../../block/harness.ts'
import { bodyOf, bucketOf, content, openStore, type World } from '../../store/harness.ts'
import { insteadOf } from '../../support/instead-of.ts'
import { ids, threeOwners } from '../../table/three.ts'

const upload = '0'.repeat(46) as UploadId
const manifest = '1'.repeat(64) as ManifestId
/** No reference is written here. */
const noBlocks: ReferenceKeeper = {
  guardReference: () => assert.fail(),
  referenceAdded: () => assert.fail(),
  referenceDropped: () => assert.fail(),
}

test('the sweep of an upload that has ended takes parts that only owners to be hold', async () => {
  const model = buildTables({ blocks: noBlocks })
  // Node 0 alone is read; it could not be reached when the others were told of the part.
  const three = await threeOwners(model.all, () => ids, [ids[0]!])
  const { tables, dbs, networks } = three
  const key = partKey(upload, 1)
  const part = { manifest, size: 1, etag: 'e', checksum: undefined }
  three.part(0)
  const cut = tables[1]!.insert(model.part, [{ ...key, row: { at: 5, part } }])
  await assert.rejects(three.done(cut), { code: 'QuorumNotReached' })
  three.heal()
  const [db, network, clock] = [dbs[0]!, networks[0]!, new ManualClock()]
  await three.done(
    db.write((batch) => noteUpload(batch, { id: upload, partitionKey: 'b.0', key: 'k' })),
  )
  const worker = new ReleaseWorker({
    ...{ db, model, clock, tables: tables[0]!, log: silentLog },
    operations: new RunningOperations({ network, clock, boot: 'boot' }),
    holds: new Holds({ network, clock, graceMs: 1 }),
  })
  await three.done(worker.work(new AbortController().signal))
  assert.equal(db.get(releaseNotes, `u${upload}`), undefined)
  assert.deepEqual(tables[1]!.rowHere(model.part, key), { at: 6, part: undefined })
})

type Tables = World['tables']

interface OpenUpload {
  readonly world: World
  /** Sends a part; @returns whether it lies there */
  readonly send: (partNumber: number) => Promise<() => boolean>
  /** The note of the upload is looked at by a worker with these instead. @returns whether it stays */
  readonly sweep: (members: Partial<Tables>) => Promise<boolean>
}

async function openUpload(): Promise<OpenUpload> {
  const world = await openStore()
  const { store, db, clock, tables } = world
  const { model, operations, holds, log } = store
  const { bucket } = await bucketOf(store)
  const key = 'k'
  const { uploadId } = await createUpload(store, { bucket, key, metadata: [] })
  await db.write((batch) => {
    noteUpload(batch, { id: uploadId as UploadId, partitionKey: `${bucket}.0`, key })
  })
  return {
    world,
    async send(partNumber) {
      const body = bodyOf(content(partNumber, 1_000))
      await uploadPart(store, { bucket, key, uploadId, partNumber, body })
      return () => {
        const row = tables.rowHere(model.part, partKey(uploadId as UploadId, partNumber))
        return row !== undefined && partsOf(row).length === 1
      }
    },
    async sweep(members) {
      const worker = new ReleaseWorker({
        ...{ db, model, operations, holds, clock, log, tables: insteadOf(tables, members) },
      })
      await worker.work(new AbortController().signal)
      return db.get(releaseNotes, `u${uploadId}`) !== undefined
    },
  }
}

/** What a read showed before the upload was made, or its row had come to a quorum. */
const nothing = (): undefined => undefined

test('an upload that shows once it is settled keeps its parts, whatever was read before', async () => {
  const { world, send, sweep } = await openUpload()
  const isThere = await send(1)
  assert.equal(await sweep({ get: nothing }), true)
  assert.ok(isThere())
  await world.stop()
})

test('parts of an upload that came to be after it was settled without it are kept', async () => {
  const { world, send, sweep } = await openUpload()
  const isOldThere = await send(1)
  let isNewThere = nothing as () => boolean | undefined
  const settle = async (): Promise<undefined> => {
    isNewThere = await send(2)
  }
  assert.equal(await sweep({ get: nothing, settle }), true, 'its note is looked at again')
  assert.deepEqual([isOldThere(), isNewThere()], [false, true])
  assert.equal(await sweep({ get: nothing, settle: () => Promise.resolve(undefined) }), false)
  assert.equal(isNewThere(), false)
  await world.stop()
})
