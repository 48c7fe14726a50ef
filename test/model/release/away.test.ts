/** The release worker where some owners are away. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../../src/base/ids.ts'
import { MIB } from '../../../src/base/limits.ts'
import { silentLog } from '../../../src/base/log.ts'
import { RunningOperations } from '../../../src/model/operations.ts'
import { ReleaseWorker } from '../../../src/model/release.ts'
import { manifestOf, objectPartitionKey } from '../../../src/model/rows/object.ts'
import { LoopbackNetwork } from '../../../src/net/loopback.ts'
import { deleteObject } from '../../../src/store/object/delete-object.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import type { Store } from '../../../src/store/store.ts'
import { completeUpload } from '../../../src/store/upload/complete-upload.ts'
import { abortUpload, createUpload } from '../../../src/store/upload/multipart.ts'
import { uploadPart } from '../../../src/store/upload/upload-part.ts'
import { TableError } from '../../../src/table/errors.ts'
import type { OpenTables } from '../../../src/table/table.ts'
import { turns } from '../../block/harness.ts'
import { bodyOf, bucketOf, content, gate, openStore, storeWith } from '../../store/harness.ts'
import { insteadOf } from '../../support/instead-of.ts'

test('what cannot be looked at, for its owners are away, holds up nothing else', async () => {
  const world = await openStore()
  const { store, db, clock } = world
  const { bucket } = await bucketOf(store)
  const manifests = new Map<string, string | undefined>()
  for (const [seed, name] of ['a', 'b', 'c'].entries()) {
    await putObject(store, {
      ...{ bucket, key: name, metadata: [], body: bodyOf(content(seed, 2 * MIB)) },
    })
    const partitionKey = objectPartitionKey(bucket, 0)
    const value = await world.tables.get({ table: store.model.object, partitionKey, key: name })
    manifests.set(name, manifestOf(value))
  }
  const { uploadId } = await createUpload(store, { bucket, key: 'b', metadata: [] })
  await abortUpload(store, { bucket, key: 'b', uploadId })
  for (const name of manifests.keys()) await deleteObject(store, { bucket, key: name })
  const away = new TableError('QuorumNotReached', 'owners are away')
  const { tables } = storeWith(store, {
    read: (table, keys, options) =>
      keys.some(({ partitionKey }) => partitionKey === manifests.get('a'))
        ? Promise.reject(away)
        : store.tables.read(table, keys, options),
    get: (ref) => (ref.key === 'b' ? Promise.reject(away) : store.tables.get(ref)),
  })
  const worker = new ReleaseWorker({
    ...{ db, tables: tables as OpenTables, model: store.model, clock, log: silentLog },
    ...{ operations: store.operations, holds: store.holds },
  })
  const { signal } = new AbortController()
  const told: unknown[] = []
  for (let round = 0; round < 12; round += 1) {
    const pass = async (): Promise<void> => {
      while ((await worker.work(signal)) === 'busy') await turns(1)
    }
    told.push(await pass().catch((error: unknown) => error))
    clock.advance(10_000)
    await turns(20)
  }
  assert.equal(told.at(-1), away, 'an operator sees that it does not get through')
  const { rows } = await world.tables.localRows(store.model.manifest, undefined, 1000)
  const states = new Map(
    rows.flatMap(({ row }) => (row.kind === 'header' ? [[row.key, row.state] as const] : [])),
  )
  assert.deepEqual(
    [...manifests.keys()].map((name) => states.get(name)),
    ['in use', 'in use', 'released'],
  )
  await world.releaseAll()
  const { faults, scanned } = await world.check()
  assert.deepEqual([faults, scanned.manifests, scanned.blocks], [[], 0, 0])
  await world.stop()
})

test('what a node that is away has put is freed once it was silent for long, not what it had begun', async () => {
  const world = await openStore()
  const { store, clock } = world
  const { bucket } = await bucketOf(store)
  const other = new LoopbackNetwork(nodeId('cd'.repeat(32)))
  const away = { ...store, operations: new RunningOperations({ network: other, clock, boot: 'b' }) }
  const put = (key: string, cutAt?: number): Promise<unknown> => {
    const body = bodyOf(content(1, 2 * MIB), cutAt === undefined ? {} : { cutAt })
    return putObject(away, { bucket, key, metadata: [], body })
  }
  await put('whole')
  await assert.rejects(put('cut off', 1.5 * MIB))
  await deleteObject(store, { bucket, key: 'whole' })
  const statesAfter = async (seconds: number): Promise<unknown> => {
    for (let second = 0; second < seconds; second += 10) {
      await world.releaseOnce()
      clock.advance(10_000)
      await turns(20)
    }
    const { rows } = await world.tables.localRows(store.model.manifest, undefined, 1000)
    const found = rows.flatMap(({ row }) => (row.kind === 'header' ? [[row.key, row.state]] : []))
    return Object.fromEntries(found)
  }
  assert.deepEqual(await statesAfter(590), { whole: 'in use', 'cut off': 'pending' })
  assert.deepEqual(await statesAfter(120), { whole: 'released', 'cut off': 'pending' })
  await world.stop()
})

test('a part whose node is silent may be acknowledged for as long as its upload is open', async () => {
  const world = await openStore()
  const { store, clock } = world
  const { bucket } = await bucketOf(store)
  const other = new LoopbackNetwork(nodeId('cd'.repeat(32)))
  const { opened, open } = gate()
  const away: Store = {
    ...storeWith(store, {
      insert: async (table, rows) => {
        if (table.name === 'part') await opened
        return store.tables.insert(table, rows)
      },
    }),
    operations: new RunningOperations({ network: other, clock, boot: 'b' }),
  }
  const { uploadId } = await createUpload(store, { bucket, key: 'a', metadata: [] })
  const body = bodyOf(content(1, 2 * MIB))
  const sent = uploadPart(away, { bucket, key: 'a', uploadId, partNumber: 1, body })
  for (let minute = 0; minute < 13; minute += 1) {
    await world.releaseOnce()
    clock.advance(60_000)
    await turns(20)
  }
  open()
  const { etag } = await sent
  const parts = [{ partNumber: 1, etag }]
  await completeUpload(store, { bucket, key: 'a', uploadId, parts })
  await world.releaseAll()
  const { faults } = await world.check()
  assert.deepEqual(faults, [])
  await world.stop()
})

test('a part whose node comes back and acknowledges it while it is looked at is not closed', async () => {
  const world = await openStore()
  const { store, db, clock, tables } = world
  const { model, operations, holds, log } = store
  const { bucket } = await bucketOf(store)
  const { opened, open } = gate()
  const away = storeWith(store, {
    insert: async (table, rows) => {
      if (table.name === 'part') await opened
      return store.tables.insert(table, rows)
    },
  })
  const { uploadId } = await createUpload(store, { bucket, key: 'a', metadata: [] })
  const body = bodyOf(content(1, 2 * MIB))
  const sent = uploadPart(away, { bucket, key: 'a', uploadId, partNumber: 1, body })
  await turns(50)
  let asked = 0
  const isRunning = async (): Promise<boolean> => {
    asked += 1
    // First it was silent for long, then it answers that nothing of it runs any more.
    if (asked === 2) {
      open()
      await sent
    }
    return false
  }
  const worker = new ReleaseWorker({
    ...{ db, tables, model, holds, clock, log },
    operations: insteadOf(operations, { isRunning }),
  })
  const { signal } = new AbortController()
  while ((await worker.work(signal)) === 'busy') await turns(1)
  assert.equal(asked, 2)
  const parts = [{ partNumber: 1, etag: (await sent).etag }]
  await completeUpload(store, { bucket, key: 'a', uploadId, parts })
  await world.stop()
})
