import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import {
  BLOCK_SIZE_BYTES,
  INLINE_SIZE_BYTES_MAX,
  MANIFEST_BLOCKS_MAX,
} from '../../../src/base/limits.ts'
import { segmentSortKey, type ManifestHeader } from '../../../src/model/manifest.table.ts'
import { deleteObject } from '../../../src/store/object/delete-object.ts'
import { getObject, headObject } from '../../../src/store/object/get-object.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { Trio } from '../../node/cluster/check/trio.ts'
import {
  bodyOf,
  bucketOf,
  bytesOf,
  codeOf,
  content,
  openStore,
  storeWith,
  tally,
} from '../harness.ts'

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex')

const sizes = [
  0,
  1,
  INLINE_SIZE_BYTES_MAX - 1,
  INLINE_SIZE_BYTES_MAX,
  INLINE_SIZE_BYTES_MAX + 1,
  BLOCK_SIZE_BYTES - 1,
  BLOCK_SIZE_BYTES,
  BLOCK_SIZE_BYTES + 1,
  3 * BLOCK_SIZE_BYTES + 5,
]

for (const isLengthKnown of [true, false]) {
  test(`putObject() gives back what it took, length ${isLengthKnown ? '' : 'un'}known`, async () => {
    const world = await openStore()
    const { store } = world
    const { bucket } = await bucketOf(store)
    for (const [index, size] of sizes.entries()) {
      const bytes = content(index, size)
      const key = `size/${size}`
      const put = await putObject(store, {
        bucket,
        key,
        metadata: [['content-type', 'text/plain']],
        body: bodyOf(bytes, { isLengthKnown, pieceBytes: 60_001 }),
      })
      assert.equal(put.etag, md5(bytes))
      const { info, read } = await getObject(store, { bucket, key })
      assert.equal(info.size, size)
      assert.equal(info.etag, put.etag)
      assert.deepEqual(info.metadata, [['content-type', 'text/plain']])
      assert.ok(Buffer.from(bytes).equals(await bytesOf(read(0, size - 1))), key)
    }
    assert.equal(store.blocks.slab.freeCount, store.blocks.slab.totalCount)
    await world.releaseAll()
    const report = await world.check()
    assert.deepEqual(report.faults, [])
    assert.equal(report.scanned.objects, sizes.length)
    assert.equal(report.scanned.manifests, 5)
    await world.stop()
  })
}

test('how long a change may be tried counts from its last byte on, of a delete from the request on', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const first: (number | undefined)[] = []
  const change: typeof store.tables.change = (ref, command, options) => {
    first.push(options?.firstTime)
    return store.tables.change(ref, command, options)
  }
  const tables = new Proxy(store.tables, {
    get: (target, name: keyof typeof store.tables) =>
      name === 'change' ? change : (target[name] as () => unknown).bind(target),
  })
  const spied = { ...store, tables }
  for (const size of [1, INLINE_SIZE_BYTES_MAX + 1]) {
    let read = 0
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield content(1, size)
      // Whoever asks on has what came before, and may wait for a drive with it.
      read = store.tables.now()
    }
    const body = { ...bodyOf(content(1, size)), pieces: pieces() }
    await putObject(spied, { bucket, key: 'a', metadata: [], body })
    assert.ok(first.pop()! < read, `${size}`)
  }
  const deleting = deleteObject(spied, { bucket, key: 'a' })
  const called = store.tables.now()
  assert.equal(await deleting, true)
  assert.ok(first.pop()! < called)
  await world.stop()
})

test('read() gives any range of blocks', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const bytes = content(1, 2 * BLOCK_SIZE_BYTES + 100)
  await putObject(store, { bucket, key: 'a', metadata: [], body: bodyOf(bytes) })
  const { read } = await getObject(store, { bucket, key: 'a' })
  const ranges = [
    [0, 0],
    [BLOCK_SIZE_BYTES - 1, BLOCK_SIZE_BYTES],
    [BLOCK_SIZE_BYTES, 2 * BLOCK_SIZE_BYTES - 1],
    [2 * BLOCK_SIZE_BYTES + 99, 2 * BLOCK_SIZE_BYTES + 99],
    [5, 2 * BLOCK_SIZE_BYTES + 50],
  ] as const
  for (const [start, end] of ranges) {
    const wanted = Buffer.from(bytes.subarray(start, end + 1))
    assert.ok(wanted.equals(await bytesOf(read(start, end))), `${start}-${end}`)
  }
  // A reader that stops early leaves no slot behind.
  for await (const piece of read(0, bytes.length - 1)) if (piece.length > 0) break
  assert.equal(store.blocks.slab.freeCount, store.blocks.slab.totalCount)
  await world.stop()
})

test('putObject() refuses a body that is not what was meant, and nothing stays of it', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const small = content(1, 100)
  const large = content(2, 2 * BLOCK_SIZE_BYTES)
  const wrong = new Uint8Array(16)
  const put = (body: ReturnType<typeof bodyOf>): Promise<unknown> =>
    codeOf(putObject(store, { bucket, key: 'a', metadata: [], body }))
  for (const bytes of [small, large]) {
    assert.equal(await put(bodyOf(bytes, { md5: wrong })), 'BadDigest')
    assert.equal(
      await put(bodyOf(bytes, { payloadSha256: new Uint8Array(32), sha256Wanted: true })),
      'PayloadHashMismatch',
    )
    assert.equal(
      await put(
        bodyOf(bytes, {
          checksum: { algorithm: 'CRC32', value: new Uint8Array(4) },
          checksumWanted: 'CRC32',
        }),
      ),
      'BadDigest',
    )
    assert.equal(await put({ ...bodyOf(bytes), length: bytes.length + 1 }), 'IncompleteBody')
    assert.equal(await put({ ...bodyOf(bytes), length: bytes.length - 1 }), 'IncompleteBody')
  }
  assert.equal(await put(bodyOf(large, { cutAt: 1_500_000 })), 'the client went away')
  assert.equal(await codeOf(headObject(store, { bucket, key: 'a' })), 'NoSuchKey')
  assert.equal(store.operations.count, 0)
  assert.equal(store.blocks.slab.freeCount, store.blocks.slab.totalCount)
  await world.releaseAll()
  const report = await world.check()
  assert.deepEqual(report.faults, [])
  assert.deepEqual(
    { ...report.scanned },
    {
      objects: 0,
      parts: 0,
      manifests: 0,
      references: 0,
      blocks: 0,
    },
  )
  await world.stop()
})

test('putObject() lets exactly one of many creators win', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const codes = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      codeOf(
        putObject(store, {
          bucket,
          key: 'a',
          metadata: [],
          conditions: { ifNoneMatch: '*' },
          body: bodyOf(content(index, 50)),
        }),
      ),
    ),
  )
  assert.deepEqual(tally(codes), { PreconditionFailed: 7, 'no error': 1 })
  await world.stop()
})

test('putObject() keeps If-Match, and says when there is nothing to match', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const put = (ifMatch: string | undefined, seed: number): ReturnType<typeof putObject> =>
    putObject(store, {
      bucket,
      key: 'a',
      metadata: [],
      conditions: { ifMatch },
      body: bodyOf(content(seed, 50)),
    })
  assert.equal(await codeOf(put('x', 1)), 'ConditionNotFound')
  const { etag } = await put(undefined, 1)
  assert.equal(await codeOf(put('x', 2)), 'PreconditionFailed')
  await put(etag, 3)
  assert.equal(
    await codeOf(deleteObject(store, { bucket, key: 'a', ifMatch: etag })),
    'PreconditionFailed',
  )
  assert.equal(await deleteObject(store, { bucket, key: 'a' }), true)
  assert.equal(await deleteObject(store, { bucket, key: 'a' }), false)
  await world.stop()
})

test('putObject() stores equal blocks once', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const zeros = new Uint8Array(4 * BLOCK_SIZE_BYTES)
  for (const key of ['a', 'b']) {
    await putObject(store, { bucket, key, metadata: [], body: bodyOf(zeros) })
  }
  const report = await world.check()
  assert.equal(report.scanned.blocks, 1)
  assert.equal(report.scanned.references, 2)
  assert.deepEqual(report.faults, [])
  await world.stop()
})

test('putObject() repeated under one operation id is one change', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const put = (): ReturnType<typeof putObject> =>
    putObject(store, {
      bucket,
      key: 'a',
      metadata: [],
      conditions: { ifNoneMatch: '*' },
      body: bodyOf(content(1, 50)),
      operation: 'one',
    })
  const first = await put()
  assert.deepEqual(await put(), first)
  await world.stop()
})

test('putObject() has its manifest in use only once each of its segments is there', async () => {
  const trio = await Trio.open(22)
  const { store } = trio.node(0).product
  const { bucket } = await trio.run(bucketOf(store))
  const second = segmentSortKey(1)
  const order: string[] = []
  const slow = storeWith(store, {
    insert: async (table, rows) => {
      const isSecond = rows.some(({ sortKey }) => sortKey === second)
      if (isSecond) await new Promise<void>((resolve) => void trio.world.after(500, resolve))
      await store.tables.insert(table, rows)
      if (isSecond) order.push('segment')
      for (const { row } of rows as readonly { readonly row: unknown }[]) {
        if ((row as Partial<ManifestHeader>).state === 'in use') order.push('in use')
      }
    },
  })
  const length = MANIFEST_BLOCKS_MAX * store.blocks.slab.blockBytes + 1
  const body = bodyOf(content(1, length))
  await trio.run(putObject(slow, { bucket, key: 'a', metadata: [], body }))
  assert.deepEqual(order, ['segment', 'in use'])
})
