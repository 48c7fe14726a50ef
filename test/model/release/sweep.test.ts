import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManifestId, UploadId } from '../../../src/base/ids.ts'
import { silentLog } from '../../../src/base/log.ts'
import type { ReferenceKeeper } from '../../../src/model/block-ref.table.ts'
import { Holds } from '../../../src/model/holds.ts'
import { noteUpload, releaseNotes } from '../../../src/model/notes.ts'
import { RunningOperations } from '../../../src/model/operations.ts'
import { partKey } from '../../../src/model/part.table.ts'
import { ReleaseWorker } from '../../../src/model/release.ts'
import { buildTables } from '../../../src/model/tables.ts'
import { ManualClock } from '../../block/harness.ts'
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
