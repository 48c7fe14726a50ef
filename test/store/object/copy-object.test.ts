/** copyObject(): copies share blocks, outlive their source, and leave nothing behind. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BLOCK_SIZE_BYTES } from '../../../src/base/limits.ts'
import type { BucketId } from '../../../src/base/ids.ts'
import { copyObject } from '../../../src/store/object/copy-object.ts'
import type { CopyObjectResult } from '../../../src/store/object/copy-object.ts'
import { deleteObject } from '../../../src/store/object/delete-object.ts'
import { getObject } from '../../../src/store/object/get-object.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { StoreError, type StoreErrorCode } from '../../../src/store/errors.ts'
import type { Store } from '../../../src/store/store.ts'
import { TableError } from '../../../src/table/errors.ts'
import { Trio } from '../../node/cluster/check/trio.ts'
import { bodyOf, bucketOf, bytesOf, content, gate, openStore, storeWith } from '../harness.ts'

const large = content(1, 3 * BLOCK_SIZE_BYTES + 5)

const copy = (
  store: Store,
  bucket: BucketId,
  from: string,
  to: string,
): Promise<CopyObjectResult> =>
  copyObject(store, {
    ...{ bucket, key: to, source: { bucket, key: from } },
    judge: () => undefined,
    metadata: (stored) => stored,
  })

/** Until whatever can go on has done so. */
const turnsOfAll = async (): Promise<void> => {
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

const read = async (store: Store, bucket: BucketId, key: string): Promise<Buffer> => {
  const { info, read: bytes } = await getObject(store, { bucket, key })
  return Buffer.from(await bytesOf(bytes(0, info.size - 1)))
}

test('copyObject() stores no block again, and the copy outlives its source', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const body = bodyOf(large)
  const { etag } = await putObject(store, { bucket, key: 'from', metadata: [['a', 'b']], body })
  const before = await world.check()
  const copied = await copy(store, bucket, 'from', 'to')
  assert.equal(copied.etag, etag)
  const shared = await world.check()
  assert.equal(shared.scanned.blocks, before.scanned.blocks)
  assert.equal(shared.scanned.references, 2 * before.scanned.references)
  await deleteObject(store, { bucket, key: 'from' })
  await world.releaseAll()
  assert.ok((await read(store, bucket, 'to')).equals(large))
  await deleteObject(store, { bucket, key: 'to' })
  await world.releaseAll()
  const end = await world.check()
  assert.deepEqual(end.faults, [])
  assert.equal(end.scanned.blocks + end.scanned.references, 0)
  assert.equal(store.blocks.slab.freeCount, store.blocks.slab.totalCount)
  assert.equal(store.operations.count, 0)
  await world.stop()
})

test('copyObject() of equal blocks refers to each of them once', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const zeros = new Uint8Array(4 * BLOCK_SIZE_BYTES)
  await putObject(store, { bucket, key: 'from', metadata: [], body: bodyOf(zeros) })
  await copy(store, bucket, 'from', 'to')
  assert.ok((await read(store, bucket, 'to')).equals(zeros))
  const { scanned, faults } = await world.check()
  assert.deepEqual(faults, [])
  assert.equal(scanned.references, 2)
  await world.stop()
})

test('copyObject() keeps the blocks of its source, though its key goes meanwhile', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  await putObject(store, { bucket, key: 'from', metadata: [], body: bodyOf(large) })
  let isGone = false
  const insert: typeof store.tables.insert = async (table, rows) => {
    if (table.name === 'manifest' && !isGone) {
      isGone = true
      await deleteObject(store, { bucket, key: 'from' })
      // Far longer than anything unheld would stay.
      await assert.rejects(world.releaseAll(), /waits for ever/)
    }
    return store.tables.insert(table, rows)
  }
  await copy(storeWith(store, { insert }), bucket, 'from', 'to')
  assert.ok(isGone)
  await world.releaseAll()
  assert.ok((await read(store, bucket, 'to')).equals(large))
  assert.deepEqual((await world.check()).faults, [])
  await world.stop()
})

test('copyObject() brings back a block that an owner has lost', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  await putObject(store, { bucket, key: 'from', metadata: [], body: bodyOf(large) })
  const { tables } = store
  let refusals = 0
  const insert: typeof tables.insert = async (table, rows) => {
    const isReference = table.name === 'block-ref'
    if (!isReference || refusals >= 2) return tables.insert(table, rows)
    refusals += 1
    throw new TableError('Refused', 'lost', { details: { code: 'missing' } })
  }
  const forgetful: Store = storeWith(store, { insert })
  await copy(forgetful, bucket, 'from', 'to')
  assert.equal(refusals, 2)
  assert.ok((await read(store, bucket, 'to')).equals(large))
  assert.deepEqual((await world.check()).faults, [])
  assert.equal(store.blocks.slab.freeCount, store.blocks.slab.totalCount)
  await world.stop()
})

test('copyObject() that was cut off leaves nothing behind', async () => {
  let world = await openStore()
  const { bucket } = await bucketOf(world.store)
  await putObject(world.store, { bucket, key: 'from', metadata: [], body: bodyOf(large) })
  const change: Store['tables']['change'] = () => new Promise(() => undefined)
  const stuck: Store = storeWith(world.store, { change })
  const cut = copy(stuck, bucket, 'from', 'to')
  cut.catch(() => undefined)
  await turnsOfAll()
  assert.equal((await world.check()).scanned.manifests, 2)
  world = await world.crash()
  await world.releaseAll()
  const { scanned, faults } = await world.check()
  assert.deepEqual(faults, [])
  assert.equal(scanned.manifests, 1)
  assert.ok((await read(world.store, bucket, 'from')).equals(large))
  await world.stop()
})

test('copyObject() whose client goes away in the middle of it ends, and leaves nothing behind', async () => {
  const world = await openStore()
  const { bucket } = await bucketOf(world.store)
  const body = bodyOf(content(2, 24 * BLOCK_SIZE_BYTES))
  await putObject(world.store, { bucket, key: 'from', metadata: [], body })
  const client = new AbortController()
  let inserts = 0
  const insert: Store['tables']['insert'] = (...rows) => {
    inserts += 1
    if (inserts === 3) client.abort(new Error('the client went away'))
    return world.store.tables.insert(...rows)
  }
  const cut = copyObject(storeWith(world.store, { insert }), {
    ...{ bucket, key: 'to', source: { bucket, key: 'from' } },
    ...{ judge: () => undefined, metadata: () => [], signal: client.signal },
    customerKey: new Uint8Array(32).fill(3),
  })
  await assert.rejects(cut, /went away/)
  const { slab } = world.store.blocks
  await turnsOfAll()
  assert.equal(slab.freeCount, slab.totalCount)
  assert.equal((await world.check()).scanned.manifests, 2, 'it had begun')
  await world.releaseAll()
  const { scanned, faults } = await world.check()
  assert.deepEqual(faults, [])
  assert.equal(scanned.manifests, 1)
  await world.stop()
})

test('copyObject() whose source could not be read is made when it is sent again, through any node', async () => {
  const trio = await Trio.open(21)
  const stores = [0, 1, 2].map((index) => trio.node(index).product.store)
  const { bucket } = await trio.run(bucketOf(stores[0]!))
  const body = bodyOf(content(1, 9))
  await trio.run(putObject(stores[0]!, { bucket, key: 'from', metadata: [], body }))
  const codes: readonly StoreErrorCode[] = ['Unavailable', 'PreconditionFailed']
  for (const [at, store] of stores.entries()) {
    for (const code of codes) {
      let tries = 0
      const attempt = (): Promise<CopyObjectResult> =>
        copyObject(store, {
          ...{ bucket, key: 'to', source: { bucket, key: 'from' }, operation: `${at} ${code}` },
          judge: () => {
            tries += 1
            if (tries === 1) throw new StoreError(code, 'not now')
          },
          metadata: () => [],
        })
      await assert.rejects(trio.run(attempt()), { code })
      assert.ok((await trio.run(attempt())).etag)
      const { modifiedMicros } = await trio.run(attempt())
      assert.equal((await trio.run(attempt())).modifiedMicros, modifiedMicros, 'it is made once')
    }
  }
})

test('copyObject() that waited while a later try was told that its source is gone is not made', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  await putObject(store, { bucket, key: 'from', metadata: [], body: bodyOf(content(1, 9)) })
  let goOn: () => void = () => undefined
  const late = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const change: Store['tables']['change'] = async (...asked) => {
    if (asked[1].name === 'copy-object') await late
    return store.tables.change(...asked)
  }
  const attempt = (through: Store): Promise<CopyObjectResult> =>
    copyObject(through, {
      ...{ bucket, key: 'to', source: { bucket, key: 'from' }, operation: 'once' },
      ...{ judge: () => undefined, metadata: () => [] },
    })
  const first = attempt(storeWith(store, { change }))
  await turnsOfAll()
  await deleteObject(store, { bucket, key: 'from' })
  await assert.rejects(attempt(store), { code: 'NoSuchKey' })
  goOn()
  await assert.rejects(first, { code: 'SlowDown' })
  await assert.rejects(read(store, bucket, 'to'), { code: 'NoSuchKey' })
  await world.stop()
})

test('copyObject() is not made by a try that waits while each of the others finds its source gone', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const put = (): Promise<unknown> =>
    putObject(store, { bucket, key: 'from', metadata: [], body: bodyOf(content(1, 9)) })
  const attempt = (through: Store): Promise<CopyObjectResult> =>
    copyObject(through, {
      ...{ bucket, key: 'to', source: { bucket, key: 'from' }, operation: 'once' },
      ...{ judge: () => undefined, metadata: () => [] },
    })
  await assert.rejects(attempt(store), { code: 'NoSuchKey' })
  await put()
  const { opened, open } = gate()
  const change: Store['tables']['change'] = async (...asked) => {
    if (asked[1].name === 'copy-object') await opened
    return store.tables.change(...asked)
  }
  const late = attempt(storeWith(store, { change }))
  await turnsOfAll()
  await deleteObject(store, { bucket, key: 'from' })
  await assert.rejects(attempt(store), { code: 'NoSuchKey' })
  open()
  await assert.rejects(late, { code: 'SlowDown' })
  await assert.rejects(read(store, bucket, 'to'), { code: 'NoSuchKey' })
  await put()
  const { modifiedMicros } = await attempt(store)
  await deleteObject(store, { bucket, key: 'from' })
  assert.equal((await attempt(store)).modifiedMicros, modifiedMicros, 'it was made, so it is told')
  await world.stop()
})

test('copyObject() whose client went away is not made, though no byte is read for it', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  await putObject(store, { bucket, key: 'from', metadata: [], body: bodyOf(large) })
  const stop = new AbortController()
  const cut = copyObject(store, {
    ...{ bucket, key: 'to', source: { bucket, key: 'from' }, signal: stop.signal },
    judge: () => stop.abort(new Error('the client went away')),
    metadata: () => [],
  })
  await assert.rejects(cut, /went away/)
  await assert.rejects(getObject(store, { bucket, key: 'to' }), { code: 'NoSuchKey' })
  await world.releaseAll()
  const { scanned, faults } = await world.check()
  assert.deepEqual([faults, scanned.manifests], [[], 1])
  await world.stop()
})

test('how long copyObject() may be tried counts from its call, or from the last of its source', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  await putObject(store, { bucket, key: 'small', metadata: [], body: bodyOf(content(1, 9)) })
  await putObject(store, { bucket, key: 'large', metadata: [], body: bodyOf(large) })
  const first: number[] = []
  const spied = storeWith(store, {
    change: (ref, command, options) => {
      first.push(options!.firstTime!)
      return store.tables.change(ref, command, options)
    },
  })
  for (const [key, checksumWanted] of [
    ['small', undefined],
    ['small', 'SHA256'],
    ['large', undefined],
  ] as const) {
    const copying = copyObject(spied, {
      ...{ bucket, key: 'to', source: { bucket, key }, checksumWanted },
      judge: () => undefined,
      metadata: () => [],
    })
    const called = store.tables.now()
    await copying
    assert.equal(first.pop()! < called, key === 'small' && checksumWanted === undefined)
  }
  await world.stop()
})
