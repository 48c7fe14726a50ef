import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SCAN_SLICE_ROWS } from '../../../src/base/limits.ts'
import { encodeLocation, locationTree } from '../../../src/block/segment/rows.ts'
import { content, getBytes, openWorld, putBytes, type World } from '../harness.ts'

const first = '/drive/00000001.segment'
const whole = 1_000_000
const going = new AbortController().signal

/** Steps of the worker until it has nothing more to do. */
async function walked({ blocks }: World): Promise<number> {
  let steps = 0
  while ((await blocks.goneSegments.work(going)) === 'busy') {
    steps += 1
    assert.ok(steps < 10, 'it comes to an end')
  }
  return steps
}

/** How many rows of locations each look asked for and got. */
function looksAt({ db }: World): number[] {
  const looks: number[] = []
  const range = db.range.bind(db)
  db.range = async (tree, options) => {
    const rows = await range(tree, options)
    if (tree.name === locationTree.name) looks.push(rows.length)
    return rows
  }
  return looks
}

async function refer({ db, blocks }: World, hashes: readonly string[]): Promise<void> {
  await db.write((batch) => {
    for (const hash of hashes) blocks.referenceAdded(batch, hash)
  })
}

async function restarted({ disk, store, blocks }: World): Promise<World> {
  await blocks.stop()
  return openWorld({ disk, store, graceMs: 1e9 })
}

test('after a start what is referred to and lay in a file that is gone is wanted, and no more', async () => {
  const before = await openWorld({ graceMs: 1e9 })
  const hashes: string[] = []
  // Three of these fill a segment.
  for (let seed = 0; seed < 5; seed++) {
    hashes.push(await putBytes(before.blocks, content(seed, whole)))
  }
  const named = [hashes[0]!, hashes[2]!, hashes[4]!]
  await refer(before, named)
  before.disk.files.delete(first)
  const after = await restarted(before)
  assert.deepEqual(await after.blocks.wanted(undefined, 10), [])
  await walked(after)
  const wanted = named.filter((hash) => !after.blocks.has(hash)).toSorted()
  assert.deepEqual(await after.blocks.wanted(undefined, 10), wanted)
  assert.deepEqual(wanted, [hashes[0]!, hashes[2]!].toSorted())
  const looks = looksAt(after)
  assert.equal(await walked(after), 0, 'once for each file')
  await putBytes(after.blocks, content(0, whole))
  assert.equal(await walked(after), 0)
  assert.deepEqual(looks, [])
  assert.deepEqual(await after.blocks.wanted(undefined, 10), [hashes[2]])
  await after.blocks.stop()
})

test('nothing is walked while every file is there', async () => {
  const before = await openWorld({ graceMs: 1e9 })
  await refer(before, [await putBytes(before.blocks, content(1, whole))])
  const after = await restarted(before)
  const looks = looksAt(after)
  assert.equal(await walked(after), 0)
  assert.deepEqual(looks, [])
  await after.blocks.stop()
})

test('the walk goes in slices, and one that was cut off begins anew with the next start', async () => {
  const before = await openWorld({ graceMs: 1e9 })
  await putBytes(before.blocks, content(1, whole))
  const count = 2 * SCAN_SLICE_ROWS + 5
  const hashes = Array.from({ length: count }, (_, at) => at.toString(16).padStart(64, '0'))
  const place = { drive: 0, segment: 1, generation: 1, sequence: 0, offset: 0, length: whole }
  await before.db.write((batch) => {
    for (const hash of hashes) batch.put(locationTree, hash, encodeLocation(place))
  })
  await refer(before, hashes)
  before.disk.files.delete(first)
  const cut = await restarted(before)
  assert.equal(await cut.blocks.goneSegments.work(going), 'busy')
  const aborted = AbortSignal.abort(new Error('the node stops'))
  await assert.rejects(cut.blocks.goneSegments.work(aborted), /the node stops/)
  const some = await cut.blocks.wanted(undefined, count)
  assert.deepEqual(some, hashes.slice(0, SCAN_SLICE_ROWS))
  const after = await restarted(cut)
  const looks = looksAt(after)
  await walked(after)
  assert.deepEqual(looks, [SCAN_SLICE_ROWS, SCAN_SLICE_ROWS, 6])
  const last = await after.blocks.wanted(hashes[count - 4], count)
  assert.deepEqual(last, hashes.slice(count - 3))
  await after.blocks.stop()
})

test('what was seen whole before its file went is wanted too once one block was missed', async () => {
  const world = await openWorld({ graceMs: 1e9 })
  const hashes = [1, 2].map((seed) => putBytes(world.blocks, content(seed, whole)))
  const [read, other] = await Promise.all(hashes)
  await refer(world, [read!, other!])
  await walked(world)
  world.disk.beforeRead = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT' }))
  await assert.rejects(getBytes(world.blocks, read!), { code: 'DriveFailed' })
  await walked(world)
  assert.deepEqual(await world.blocks.wanted(undefined, 10), [read!, other!].toSorted())
  assert.equal(await world.blocks.isSettled(other!), false)
  world.disk.beforeRead = undefined
  await putBytes(world.blocks, content(2, whole))
  assert.deepEqual(await getBytes(world.blocks, other!), content(2, whole))
  assert.equal(world.blocks.has(other!), true, 'it lies in another file')
  assert.deepEqual(await world.blocks.wanted(undefined, 10), [read])
  await world.blocks.stop()
})

test('no partition counts as whole before all is wanted that lay in files that are gone', async () => {
  const before = await openWorld({ graceMs: 1e9 })
  const hashes: string[] = []
  for (let seed = 0; seed < 5; seed++) {
    hashes.push(await putBytes(before.blocks, content(seed, whole)))
  }
  await refer(before, hashes)
  const partitions = hashes.map((hash) => Number.parseInt(hash.slice(0, 2), 16))
  assert.deepEqual(await before.blocks.wholePartitions(partitions), partitions)
  before.disk.files.delete(first)
  const after = await restarted(before)
  const { blocks } = after
  assert.deepEqual(await blocks.wholePartitions([...partitions, 256]), [], 'nobody has looked yet')
  await walked(after)
  const kept = partitions.filter((_, index) => blocks.has(hashes[index]!))
  assert.ok(kept.length > 0 && kept.length < partitions.length)
  assert.deepEqual(await blocks.wholePartitions([...partitions, 256]), [...kept, 256])
  await blocks.stop()
})
