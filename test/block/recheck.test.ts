/** An older copy of the database put back beside newer segments. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeLocation, locationTree } from '../../src/block/segment/rows.ts'
import { silentLog } from '../../src/base/log.ts'
import { stateTree } from '../../src/block/references.ts'
import { systemError } from './disk.ts'
import { advanceUntil, content, openWorld, putBytes, turns, type World } from './harness.ts'

/** The database of `openWorld` after a loss, whoever accepted that. */
const incarnation = (): string => 'second'
const bytesOf = (seed: number): Uint8Array => content(seed, 1_000_000)

async function refer({ db, blocks, referenced }: World, hash: string): Promise<void> {
  referenced.add(hash)
  await db.write((batch) => blocks.referenceAdded(batch, hash))
}

interface PutBack {
  readonly disk: World['disk']
  /** Rows of before. */
  readonly store: World['store']
  /** What they name lies there no longer, and still does. */
  readonly overwritten: string
  readonly sound: string
}

/** A database that names a record which was written over since, and one that was not. */
async function putBack(): Promise<PutBack> {
  const world = await openWorld()
  const { db, blocks, disk, store, clock } = world
  // Four of these fill a segment.
  const overwritten = await putBytes(blocks, bytesOf(0))
  const others: string[] = []
  for (const seed of [1, 2, 3]) others.push(await putBytes(blocks, bytesOf(seed)))
  const sound = await putBytes(blocks, bytesOf(4))
  for (const hash of [overwritten, sound]) await refer(world, hash)
  const old = store.copy()
  const place = (): string => String(db.get(locationTree, overwritten))
  const before = place()
  // The others go, the block moves out of their segment, and that is used again.
  await advanceUntil(clock, () => {
    blocks.wakeWorkers()
    return others.every((hash) => !blocks.has(hash)) && place() !== before
  })
  for (let seed = 5; seed < 12; seed++) await refer(world, await putBytes(blocks, bytesOf(seed)))
  await blocks.stop()
  return { disk, store: old, overwritten, sound }
}

/** Until every block was read. */
async function rechecked({ blocks, clock }: World): Promise<void> {
  const [status] = blocks.workers().filter((each) => each.status().name === 'block-recheck')
  await advanceUntil(clock, () => status!.status().remarks.length === 0)
}

test('after a loss of rows what was written over since is wanted, though nobody reads it', async () => {
  const { disk, store, overwritten, sound } = await putBack()
  const world = await openWorld({ disk, store, incarnation })
  const partitions = [overwritten, sound].map((hash) => Number.parseInt(hash.slice(0, 2), 16))
  // Nobody knows of either yet whether it is there: no layout may count on them.
  assert.deepEqual(await world.blocks.wholePartitions(partitions), [])
  await rechecked(world)
  await turns(10)
  assert.deepEqual(await world.blocks.wholePartitions(partitions), partitions.slice(1))
  assert.deepEqual(
    [overwritten, sound].map((hash) => world.blocks.has(hash)),
    [false, true],
  )
  assert.deepEqual(await world.blocks.wanted(undefined, 10), [overwritten])
  await world.blocks.stop()
})

test('a look that was cut off is taken by the next life, and no later one reads anything', async () => {
  const { disk, store, overwritten } = await putBack()
  const cut = await openWorld({ disk, store, incarnation, started: false })
  await Promise.all([cut.blocks.start(), cut.blocks.stop()])
  const next = await openWorld({ disk, store, incarnation })
  await rechecked(next)
  assert.equal(next.blocks.has(overwritten), false)
  await next.blocks.stop()
  const last = await openWorld({ disk, store, incarnation })
  await rechecked(last)
  await turns(10)
  // As the index has it: nobody looked.
  assert.equal(last.blocks.has(overwritten), true)
  await last.blocks.recheck()
  await rechecked(last)
  assert.equal(last.blocks.has(overwritten), false)
  await last.blocks.stop()
})

const BLOCKS = 520

/** A node that began to look at its blocks, and is through with the first of them. */
async function halfWay(): Promise<{ readonly world: World; readonly looks: () => number[] }> {
  const first = await openWorld({ graceMs: 1e9 })
  for (let seed = 0; seed < BLOCKS; seed++) await putBytes(first.blocks, content(seed, 100))
  await first.blocks.stop()
  return life(first)
}

/** The next life, until it has written down how far it is; and how many blocks each of its looks read. */
async function life(
  { disk, store }: Pick<World, 'disk' | 'store'>,
  until = (world: World): boolean => world.db.get(stateTree, 'recheck-after') !== undefined,
): Promise<{ readonly world: World; readonly looks: () => number[] }> {
  const looks: number[] = []
  const warn = (details: { blocks?: number }): void => {
    if (details.blocks !== undefined) looks.push(details.blocks)
  }
  const log = { ...silentLog, warn }
  const world = await openWorld({ disk, store, incarnation, graceMs: 1e9, log })
  await advanceUntil(world.clock, () => until(world))
  return { world, looks: () => looks }
}

test('a look that was cut off goes on behind the last block that is written down', async () => {
  const { world: cut } = await halfWay()
  await cut.blocks.stop()
  const through = ({ db }: World): boolean => db.get(stateTree, 'recheck') === undefined
  const { world, looks } = await life(cut, through)
  await turns(10)
  assert.deepEqual(looks(), [BLOCKS - 256])
  assert.equal(world.db.get(stateTree, 'recheck-after'), undefined)
  await world.blocks.stop()
})

test('a look that is asked for while one is under way reads all blocks', async () => {
  const { world, looks } = await halfWay()
  await world.blocks.recheck()
  assert.equal(world.db.get(stateTree, 'recheck-after'), undefined)
  await advanceUntil(world.clock, () => looks().length === 1)
  await rechecked(world)
  await turns(10)
  assert.deepEqual(looks(), [BLOCKS, BLOCKS])
  await world.blocks.stop()
})

test('what is referred to and the index has lost is wanted before any partition counts as whole', async () => {
  const first = await openWorld()
  const hashes: string[] = []
  for (let seed = 0; seed < 130; seed++) {
    hashes.push(await putBytes(first.blocks, content(seed, 100)))
    await refer(first, hashes[seed]!)
  }
  await first.db.write((batch) => {
    for (const hash of hashes) batch.del(locationTree, hash)
  })
  await first.blocks.stop()
  const { disk, store } = first
  const world = await openWorld({ disk, store, incarnation, started: false })
  const partitions = hashes.map((hash) => Number.parseInt(hash.slice(0, 2), 16))
  assert.deepEqual(await world.blocks.wholePartitions(partitions), [])
  await world.blocks.start()
  assert.deepEqual(await world.blocks.wholePartitions(partitions), [])
  await rechecked(world)
  assert.deepEqual(await world.blocks.wanted(undefined, 200), hashes.sort())
  await world.blocks.stop()
})

test('a look that met what cannot be read is not taken up behind it', async () => {
  const first = await openWorld({ graceMs: 1e9 })
  const hashes: string[] = []
  for (let seed = 0; seed < BLOCKS; seed++) {
    hashes.push(await putBytes(first.blocks, content(seed, 100)))
  }
  await first.blocks.stop()
  const [lowest] = hashes.toSorted()
  const { offset } = decodeLocation(first.db.get(locationTree, lowest!)!)
  const { disk } = first
  disk.beforeRead = (_path, at) =>
    at === offset ? Promise.reject(systemError('EIO')) : Promise.resolve()
  const through = ({ db }: World): boolean => db.get(stateTree, 'recheck') === undefined
  const { world, looks } = await life(first, (cut) => !cut.blocks.has(lowest!))
  let place: string | undefined
  await advanceUntil(world.clock, () => {
    place ??= world.db.get(stateTree, 'recheck-after')
    return through(world)
  })
  await turns(10)
  assert.equal(place, undefined)
  assert.deepEqual(looks(), [BLOCKS])
  await world.blocks.stop()
})
