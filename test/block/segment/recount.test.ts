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
import { wantedTree } from '../../../src/block/references.ts'
import type { Db } from '../../../src/db/db.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import {
  advanceUntil,
  content,
  getBytes,
  ManualClock,
  openWorld,
  putBytes,
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

for (const [what, segments] of [
  ['whose row knows the later one', [2]],
  ['of which another location knows the later one', [1, 3]],
] as const) {
  test(`a location of an older use of a segment goes, ${what}`, async () => {
    const [rowGeneration, newest = rowGeneration] = segments
    const { hash, right, store, disk } = await damaged((row) => ({
      ...row,
      generation: rowGeneration,
    }))
    const db = openMemoryDb({ clock: new ManualClock(), store, onFatal: assert.fail })
    const location = decodeLocation(db.get(locationTree, hash)!)
    // It was used again, for a block in the same place, and the old row came back.
    for (const other of ['00', 'ff']) {
      await db.write((batch) => {
        const newer = { ...location, generation: newest }
        batch.put(locationTree, other.repeat(32), encodeLocation(newer))
      })
    }
    const world = await openWorld({ store, disk, incarnation })
    const { liveBytes, endBytes, sequence } = right
    assert.deepEqual(rowOf(world.db), {
      ...{ generation: newest, liveBytes: 2 * liveBytes, endBytes, sequence, state: 'sealed' },
    })
    assert.equal(world.db.get(locationTree, hash), undefined)
    // It is referred to.
    const wanted = (): boolean => world.db.get(wantedTree, hash) !== undefined
    await advanceUntil(world.clock, wanted)
    await world.blocks.stop()
  })
}

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
