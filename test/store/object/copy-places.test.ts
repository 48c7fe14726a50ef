/** Copies whose bytes go through this node, more at a time than there are buffers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COPY_PLACE_MS_MAX, MIB, SLOTS_PER_COPY } from '../../../src/base/limits.ts'
import { copyObject } from '../../../src/store/object/copy-object.ts'
import { CopyPlaces } from '../../../src/store/object/copy-places.ts'
import { deleteObject } from '../../../src/store/object/delete-object.ts'
import { getObject } from '../../../src/store/object/get-object.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { createUpload } from '../../../src/store/upload/multipart.ts'
import { uploadPart } from '../../../src/store/upload/upload-part.ts'
import { ManualClock, turns } from '../../block/harness.ts'
import { bodyOf, bucketOf, bytesOf, codeOf, content, openStore } from '../harness.ts'

const bytes = content(1, 3 * MIB)

test('more copies than there are buffers come to their end, and then all buffers are free', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const customerKey = new Uint8Array(32).fill(1)
  const sealed = { bucket, key: 'sealed', customerKey }
  await putObject(store, { bucket, key: 'from', metadata: [], body: bodyOf(bytes) })
  await putObject(store, { ...sealed, metadata: [], body: bodyOf(bytes) })
  const { uploadId } = await createUpload(store, { bucket, key: 'to', metadata: [] })
  const { slab } = store.blocks
  const count = slab.totalCount * 2
  let left = count
  const copies = Array.from({ length: count }, async (_, index) => {
    if (index % 2 === 0) {
      const { readForCopy } = await getObject(store, { bucket, key: 'from' })
      const body = { pieces: readForCopy(0, 3 * MIB - 1), length: 3 * MIB, expect: () => ({}) }
      await uploadPart(store, { bucket, key: 'to', uploadId, partNumber: index + 1, body })
    } else {
      const how = { judge: () => undefined, metadata: () => [] }
      await copyObject(store, { bucket, key: `copy-${index}`, source: sealed, ...how })
    }
    left -= 1
  })
  for (let round = 0; left > 0 && round < 2_000; round += 1) await turns(10)
  assert.equal(left, 0, `${left} copies wait for ever, and ${slab.freeCount} buffers are free`)
  await Promise.all(copies)
  assert.equal(slab.freeCount, slab.totalCount)
  await world.stop()
})

test('what is to be copied is kept while the copy waits for its turn', async () => {
  const world = await openStore()
  const { store, clock } = world
  const { bucket } = await bucketOf(store)
  await putObject(store, { bucket, key: 'from', metadata: [], body: bodyOf(bytes) })
  const { readForCopy } = await getObject(store, { bucket, key: 'from' })
  const places = Math.floor(store.blocks.slab.totalCount / SLOTS_PER_COPY)
  const others = Array.from({ length: places }, () => store.copyPlaces.inTurn(pieces()))
  for (const other of others) await other.next()
  const copied = bytesOf(readForCopy(0, bytes.length - 1))
  await deleteObject(store, { bucket, key: 'from' })
  for (let round = 0; round < 8; round += 1) {
    await world.releaseOnce()
    clock.advance(COPY_PLACE_MS_MAX / 10)
    await turns(5)
  }
  for (const other of others) await other.return(undefined)
  assert.ok(Buffer.from(bytes).equals(await copied))
  await world.releaseAll()
  assert.equal((await world.check()).scanned.blocks, 0)
  await world.stop()
})

const twoPlaces = { totalCount: 2 * SLOTS_PER_COPY }

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield bytes
  await Promise.resolve()
}

test('a place is given back with the last piece, and by who stops before it', async () => {
  const places = new CopyPlaces(new ManualClock(), twoPlaces)
  const [first, second] = [places.inTurn(pieces()), places.inTurn(pieces())]
  assert.equal((await first.next()).value, bytes)
  assert.equal((await second.next()).value, bytes)
  const [third, fourth] = [bytesOf(places.inTurn(pieces())), bytesOf(places.inTurn(pieces()))]
  await first.return(undefined)
  assert.equal((await third).length, bytes.length)
  assert.equal((await second.next()).done, true)
  assert.equal((await fourth).length, bytes.length)
})

test('whoever waits too long, or whose client went away, leaves the line', async () => {
  const clock = new ManualClock()
  const places = new CopyPlaces(clock, { totalCount: 1 })
  const first = places.inTurn(pieces())
  await first.next()
  const abort = new AbortController()
  const gone = codeOf(bytesOf(places.inTurn(pieces(), abort.signal)))
  const late = codeOf(bytesOf(places.inTurn(pieces())))
  abort.abort(new Error('the client went away'))
  assert.equal(await gone, 'the client went away')
  const wasGone = AbortSignal.abort(new Error('went before'))
  assert.equal(await codeOf(bytesOf(places.inTurn(pieces(), wasGone))), 'went before')
  clock.advance(COPY_PLACE_MS_MAX)
  assert.equal(await late, 'SlowDown')
  const last = bytesOf(places.inTurn(pieces()))
  await first.return(undefined)
  assert.equal((await last).length, bytes.length)
})
