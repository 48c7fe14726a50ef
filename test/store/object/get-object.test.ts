import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BLOCK_SIZE_BYTES } from '../../../src/base/limits.ts'
import { getObject } from '../../../src/store/object/get-object.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { bodyOf, bucketOf, content, openStore } from '../harness.ts'

test('getObject() gives its slots back as soon as its client left, though no owner answers', async () => {
  const world = await openStore()
  const { store, blocks } = world
  const { bucket } = await bucketOf(store)
  const size = 3 * BLOCK_SIZE_BYTES
  await putObject(store, { bucket, key: 'a', metadata: [], body: bodyOf(content(1, size)) })
  let asked = 0
  // No owner answers: as the cluster's blocks it waits for the next one, for a minute or so.
  blocks.get = (_hash, _slot, signal) =>
    new Promise((_resolve, reject) => {
      asked += 1
      signal?.addEventListener('abort', () => reject(signal.reason as Error))
    })
  const { read } = await getObject(store, { bucket, key: 'a' })
  const client = new AbortController()
  const pieces = read(0, size - 1, client.signal)[Symbol.asyncIterator]()
  let end: unknown
  pieces.next().catch((error: unknown) => (end = error))
  while (asked === 0) await new Promise((resolve) => setImmediate(resolve))
  const { slab } = store.blocks
  assert.equal(slab.freeCount, slab.totalCount - 1)
  const left = new Error('the client went away')
  client.abort(left)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(end, left)
  assert.equal(slab.freeCount, slab.totalCount)
  await world.stop()
})
