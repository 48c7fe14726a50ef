import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAGE_BYTES } from '../../../src/base/limits.ts'
import { BlockIndex } from '../../../src/block/segment/index.ts'
import { recordSize } from '../../../src/block/segment/record.ts'
import { decodeSegment, segmentKey, segmentTree } from '../../../src/block/segment/rows.ts'
import { Segment } from '../../../src/block/segment/segment.ts'
import type { Db } from '../../../src/db/db.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { ManualClock } from '../harness.ts'

const hash = 'ab'.repeat(32)

function located(segment: number, offset: number) {
  return { drive: 0, segment, generation: 1, sequence: 0, offset, length: 5000 }
}

function open(): { db: Db; index: BlockIndex; live: (number: number) => number } {
  const db = openMemoryDb({ clock: new ManualClock(), onFatal: (fault) => assert.fail(fault) })
  const row = { generation: 1, sequence: 0, endBytes: 0, liveBytes: 0, state: 'open' } as const
  const segments = [1, 2].map((number) => new Segment(0, number, row))
  const index = new BlockIndex(db, ({ segment }) => segments[segment - 1])
  const live = (number: number): number => {
    const bytes = db.get(segmentTree, segmentKey(0, number))
    return bytes === undefined ? 0 : decodeSegment(bytes).liveBytes
  }
  return { db, index, live }
}

test('place, move and remove keep the live bytes of the segments in the same batch', async () => {
  const { db, index, live } = open()
  const [first, second] = [located(1, 0), located(2, PAGE_BYTES)]
  await db.write((batch) => index.place(batch, hash, first))
  assert.deepEqual(index.find(hash), first)
  assert.equal(live(1), recordSize(5000))
  await db.write((batch) => void index.move(batch, hash, first, second))
  assert.deepEqual([live(1), live(2)], [0, recordSize(5000)])
  await db.write((batch) => index.remove(batch, hash))
  assert.deepEqual([live(1), live(2)], [0, 0])
  assert.equal(index.find(hash), undefined)
  await db.write((batch) => index.remove(batch, hash))
  assert.equal(live(2), 0)
})

test('move does nothing for a block that was deleted or stored anew meanwhile', async () => {
  const { db, index, live } = open()
  const [first, second] = [located(1, 0), located(2, 0)]
  await db.write((batch) => assert.equal(index.move(batch, hash, first, second), false))
  assert.equal(index.find(hash), undefined)
  await db.write((batch) => {
    index.place(batch, hash, first)
    index.place(batch, hash, located(1, 8 * PAGE_BYTES))
    assert.equal(index.move(batch, hash, first, second), false)
  })
  assert.equal(live(1), recordSize(5000), 'placed twice, live once')
  assert.equal(index.isAt(hash, located(1, 8 * PAGE_BYTES)), true)
  assert.equal(index.isAt(hash, first), false)
})

test('hashes come in order, in slices', async () => {
  const { db, index } = open()
  const names = ['11', '22', '33'].map((pair) => pair.repeat(32))
  await db.write((batch) => {
    for (const [at, name] of names.entries()) index.place(batch, name, located(1, at * PAGE_BYTES))
  })
  assert.deepEqual(await index.hashes(undefined, 2), names.slice(0, 2))
  assert.deepEqual(await index.hashes(names[1], 2), names.slice(2))
})
