/** A database that was repaired: rows of segments and of blocks that are of different times. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../../src/base/limits.ts'
import {
  decodeLocation,
  decodeSegment,
  encodeLocation,
  encodeSegment,
  locationTree,
  segmentKey,
  segmentTree,
  type SegmentRow,
} from '../../../src/block/segment/rows.ts'
import { countTree, wantedTree } from '../../../src/block/references.ts'
import type { Db } from '../../../src/db/db.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { systemError } from '../disk.ts'
import {
  advanceUntil,
  content,
  getBytes,
  ManualClock,
  openWorld,
  putBytes,
  turns,
  type World,
} from '../harness.ts'

/** Of the database of `openWorld` after a loss. */
const incarnation = (): string => 'second'
const key = segmentKey(0, 1)
const kept = content(0, 1_000_000)

function rowOf(db: Db, at = key): SegmentRow {
  return decodeSegment(db.get(segmentTree, at)!)
}

/** A node that ended with one block in its open segment, and what a repair then left of the row. */
async function damaged(
  change: (row: SegmentRow) => SegmentRow | undefined,
): Promise<Pick<World, 'disk' | 'store'> & { readonly hash: string; readonly right: SegmentRow }> {
  const world = await openWorld()
  const hash = await putBytes(world.blocks, kept)
  await world.db.write((batch) => world.blocks.referenceAdded(batch, hash))
  await world.blocks.stop()
  const { store, disk } = world
  const right = rowOf(world.db)
  const db = openMemoryDb({ clock: new ManualClock(), store, onFatal: assert.fail })
  const row = change(right)
  await db.write((batch) => {
    if (row === undefined) batch.del(segmentTree, key)
    else batch.put(segmentTree, key, encodeSegment(row))
  })
  return { store, disk, hash, right }
}

/** The next life takes as much as three segments hold. */
async function fill({ blocks }: World): Promise<void> {
  for (let seed = 1; seed <= 12; seed++) await putBytes(blocks, content(seed, 1_000_000))
}

const unsound: readonly [string, (row: SegmentRow) => SegmentRow | undefined][] = [
  ['counts as free', (row) => ({ ...row, state: 'free', liveBytes: 0 })],
  [
    'is one of before the block came',
    (row) => ({ ...row, sequence: 0, endBytes: 0, liveBytes: 0 }),
  ],
  ['counts as emptied', (row) => ({ ...row, state: 'sealed', liveBytes: 0 })],
  ['is one of an earlier use', (row) => ({ ...row, generation: 0, state: 'free', liveBytes: 0 })],
  ['is lost', () => undefined],
]

for (const [what, change] of unsound) {
  test(`a block is not written over where the row of its segment ${what}`, async () => {
    const { hash, right, ...home } = await damaged(change)
    const world = await openWorld({ ...home, incarnation })
    assert.deepEqual(rowOf(world.db), { ...right, state: 'sealed' })
    world.blocks.wakeWorkers()
    await fill(world)
    assert.deepEqual(await getBytes(world.blocks, hash), kept)
    assert.deepEqual(world.fatal, [])
    await world.blocks.stop()
  })
}

test('a block can be deleted though the row of its segment knew nothing of it', async () => {
  const { hash, ...home } = await damaged((row) => ({ ...row, liveBytes: 0 }))
  const world = await openWorld({ ...home, incarnation })
  await world.db.write((batch) => world.blocks.referenceDropped(batch, hash))
  await advanceUntil(world.clock, () => {
    world.blocks.wakeWorkers()
    return !world.blocks.has(hash) && rowOf(world.db).state === 'free'
  })
  assert.deepEqual(world.fatal, [])
  await world.blocks.stop()
})

test('a segment whose row says more than the locations is left as it is: their rows may be lost', async () => {
  const { right, ...home } = await damaged((row) => ({ ...row, liveBytes: 4 * MIB }))
  const world = await openWorld({ ...home, incarnation, started: false })
  assert.deepEqual(rowOf(world.db), { ...right, liveBytes: 4 * MIB })
  await world.blocks.stop()
})

for (const [what, row, others] of [
  ['older', 1, 0],
  ['later', 1, 3],
  ['later, and its row too', 3, 3],
  ['older, and its row too', 0, 0],
] as const) {
  test(`of locations of two uses of a segment the file decides: others are ${what}`, async () => {
    const { hash, right, store, disk } = await damaged((stored) => ({ ...stored, generation: row }))
    const db = openMemoryDb({ clock: new ManualClock(), store, onFatal: assert.fail })
    const location = decodeLocation(db.get(locationTree, hash)!)
    const gone = ['00', 'ff'].map((digits) => digits.repeat(32))
    await db.write((batch) => {
      for (const other of gone) {
        batch.put(locationTree, other, encodeLocation({ ...location, generation: others }))
      }
      batch.put(countTree, gone[0]!, '1')
    })
    const world = await openWorld({ store, disk, incarnation })
    assert.deepEqual(rowOf(world.db), row === 1 ? right : { ...right, state: 'sealed' })
    for (const other of gone) assert.equal(world.db.get(locationTree, other), undefined)
    assert.deepEqual(await getBytes(world.blocks, hash), kept)
    // Only one of them is referred to.
    await advanceUntil(world.clock, () => world.db.get(wantedTree, gone[0]!) !== undefined)
    await turns(5)
    assert.deepEqual(await world.blocks.wanted(undefined, 9), gone.slice(0, 1))
    await world.blocks.stop()
  })
}

test('where the file cannot be read no location goes, and its segment is not written', async () => {
  const { hash, right, store, disk } = await damaged((row) => ({ ...row, state: 'free' }))
  const db = openMemoryDb({ clock: new ManualClock(), store, onFatal: assert.fail })
  const location = decodeLocation(db.get(locationTree, hash)!)
  const later = 'ff'.repeat(32)
  await db.write((batch) => {
    batch.put(locationTree, later, encodeLocation({ ...location, generation: 5 }))
  })
  let reads = 0
  disk.beforeRead = () =>
    (reads += 1) > 1 ? Promise.reject(systemError('EIO')) : Promise.resolve()
  const world = await openWorld({ store, disk, incarnation, started: false })
  assert.equal(reads, 2)
  for (const each of [hash, later]) assert.notEqual(world.db.get(locationTree, each), undefined)
  const liveBytes = 2 * right.liveBytes
  assert.deepEqual(rowOf(world.db), { ...right, liveBytes, state: 'sealed' })
  await world.blocks.stop()
})

test('rows that are right stay, and what old rows name on drives that left is left alone', async () => {
  const { hash, right, store, disk } = await damaged((row) => row)
  const db = openMemoryDb({ clock: new ManualClock(), store, onFatal: assert.fail })
  const location = decodeLocation(db.get(locationTree, hash)!)
  await db.write((batch) =>
    batch.put(locationTree, 'ff'.repeat(32), encodeLocation({ ...location, drive: 7 })),
  )
  const groups = store.groupCount
  const world = await openWorld({ store, disk, incarnation, started: false })
  assert.equal(store.groupCount, groups)
  assert.deepEqual(await world.db.range(segmentTree, { limit: 9 }), [
    { key, value: encodeSegment(right) },
  ])
  await world.blocks.stop()
})

test('a database that may only be read is counted when it is written again', async () => {
  const { right, ...home } = await damaged((row) => ({ ...row, liveBytes: 0 }))
  const reading = await openWorld({ ...home, incarnation, readOnly: true })
  assert.equal(rowOf(reading.db).liveBytes, 0)
  await reading.blocks.stop()
  const world = await openWorld({ ...home, incarnation })
  assert.equal(rowOf(world.db).liveBytes, right.liveBytes)
  await world.blocks.stop()
})
