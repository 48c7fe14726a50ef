import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB, PAGE_BYTES } from '../../../src/base/limits.ts'
import { segmentKey, segmentTree } from '../../../src/block/segment/rows.ts'
import { CrashDisk, systemError } from '../disk.ts'
import {
  advanceUntil,
  content,
  getBytes,
  openWorld,
  putBytes,
  turns,
  type World,
} from '../harness.ts'

const BLOCK = 500_000

/** Stores `count` blocks; every `keepEach`-th is referred to, the others may go. */
async function fill(world: World, count: number, keepEach: number): Promise<Map<string, number>> {
  const kept = new Map<string, number>()
  for (let seed = 0; seed < count; seed++) {
    const hash = await putBytes(world.blocks, content(seed, BLOCK))
    if (seed % keepEach !== 0) continue
    kept.set(hash, seed)
    await world.db.write((batch) => world.blocks.referenceAdded(batch, hash))
  }
  return kept
}

async function assertKept(world: World, kept: ReadonlyMap<string, number>): Promise<void> {
  for (const [hash, seed] of kept) {
    assert.deepEqual(await getBytes(world.blocks, hash), content(seed, BLOCK))
  }
}

test('compaction gives the space of deleted blocks back and keeps the others', async () => {
  const world = await openWorld()
  const kept = await fill(world, 80, 10)
  const before = world.disk.usedBytes
  await advanceUntil(world.clock, () => world.disk.usedBytes <= 14 * MIB)
  assert.ok(before > 40 * MIB)
  const [drive] = await world.blocks.drives()
  assert.equal(drive!.liveBytes, kept.size * (PAGE_BYTES + 123 * PAGE_BYTES))
  await assertKept(world, kept)
  await world.blocks.stop()
  const again = await openWorld({ disk: world.disk, store: world.store })
  await assertKept(again, kept)
  assert.deepEqual(world.fatal, [])
  await again.blocks.stop()
})

test('compaction leaves next to nothing of a node whose blocks are all deleted', async () => {
  const world = await openWorld()
  await fill(world, 40, 1000)
  const [first] = [...(await world.blocks.allHashes(undefined, 1))]
  assert.ok(first !== undefined)
  const referenced = (await world.blocks.allHashes(undefined, 100)).filter(
    (hash) => world.blocks.referenceCount(hash) > 0,
  )
  await world.db.write((batch) => {
    for (const hash of referenced) world.blocks.referenceDropped(batch, hash)
  })
  await advanceUntil(world.clock, () => world.disk.usedBytes <= 5 * MIB)
  assert.deepEqual(await world.blocks.allHashes(undefined, 10), [])
  await world.blocks.stop()
})

test('a reader in the middle of a get keeps the segment that compaction empties', async () => {
  const world = await openWorld()
  const kept = await fill(world, 40, 10)
  const reading: { path: string; go: () => void }[] = []
  const [slowHash, slowSeed] = [...kept][0]!
  let isSlow = true
  world.disk.beforeRead = (path) => {
    if (!isSlow) return Promise.resolve()
    isSlow = false
    return new Promise((go) => reading.push({ path, go }))
  }
  const slow = getBytes(world.blocks, slowHash)
  await turns(3)
  const { path, go } = reading[0]!
  const content0 = world.disk.files.get(path)!.current.slice()
  for (let second = 0; second < 120; second++) {
    world.clock.advance(1000)
    await turns(10)
    await putBytes(world.blocks, content(1000 + second, 5000))
  }
  assert.ok(world.disk.files.has(path), 'the file is still there')
  assert.deepEqual(world.disk.files.get(path)!.current, content0, 'and was not written anew')
  const before = world.disk.usedBytes
  go()
  assert.deepEqual(await slow, content(slowSeed, BLOCK))
  await advanceUntil(world.clock, () => world.disk.usedBytes < before)
  await assertKept(world, kept)
  await world.blocks.stop()
})

test('gets that run all the while never see other bytes', async () => {
  const world = await openWorld()
  const kept = await fill(world, 60, 6)
  let stop = false
  let reads = 0
  const readers = [0, 1, 2].map(async (reader) => {
    const entries = [...kept]
    for (let index = reader; !stop; index++) {
      const [hash, seed] = entries[index % entries.length]!
      assert.deepEqual(await getBytes(world.blocks, hash), content(seed, BLOCK))
      reads++
    }
  })
  await advanceUntil(world.clock, () => world.disk.usedBytes <= 16 * MIB)
  stop = true
  await Promise.all(readers)
  assert.ok(reads > 20, `${reads} reads`)
  await world.blocks.stop()
})

test('a corrupt record is not copied: it keeps its segment until it is sent again', async () => {
  const world = await openWorld()
  const kept = await fill(world, 24, 8)
  const [corruptHash, corruptSeed] = [...kept][1]!
  const file = world.disk.files.get('/drive/00000002.segment')!
  file.current[PAGE_BYTES + 9]! ^= 1
  await advanceUntil(world.clock, () => world.disk.usedBytes <= 13 * MIB)
  await assert.rejects(getBytes(world.blocks, corruptHash), { code: 'BlockCorrupt' })
  assert.ok(world.disk.files.has('/drive/00000002.segment'))
  await putBytes(world.blocks, content(corruptSeed, BLOCK))
  await advanceUntil(world.clock, () => world.disk.usedBytes <= 9 * MIB)
  await assertKept(world, kept)
  await world.blocks.stop()
})

test('a page that cannot be read keeps its segment, and no other one from being emptied', async () => {
  const world = await openWorld()
  const kept = await fill(world, 40, 8)
  const [lostHash, lostSeed] = [...kept][1]!
  // Where its record begins.
  world.disk.beforeRead = (path, position) =>
    path.endsWith('/00000002.segment') && position === 0
      ? Promise.reject(systemError('EIO'))
      : Promise.resolve()
  await advanceUntil(world.clock, () => world.disk.usedBytes <= 13 * MIB)
  assert.ok(world.disk.files.has('/drive/00000002.segment'))
  await assert.rejects(getBytes(world.blocks, lostHash), { code: 'DriveFailed' })
  await putBytes(world.blocks, content(lostSeed, BLOCK))
  await advanceUntil(world.clock, () => world.disk.usedBytes <= 9 * MIB)
  await assertKept(world, kept)
  await world.blocks.stop()
})

test('compaction frees a full drive: its moves may use the reserve', async () => {
  const disk = new CrashDisk()
  disk.totalBytes = 100 * MIB
  const world = await openWorld({ disk, segmentBytes: 4 * MIB, stepBytes: 2 * MIB })
  const kept = new Map<string, number>()
  const fillUp = async (): Promise<void> => {
    for (let seed = 0; ; seed++) {
      const hash = await putBytes(world.blocks, content(seed, BLOCK))
      if (seed % 3 === 0) {
        kept.set(hash, seed)
        await world.db.write((batch) => world.blocks.referenceAdded(batch, hash))
      }
    }
  }
  await assert.rejects(fillUp(), { code: 'DriveFull' })
  await advanceUntil(world.clock, () => world.disk.usedBytes <= 50 * MIB)
  await assertKept(world, kept)
  await putBytes(world.blocks, content(5000, BLOCK))
  await world.blocks.stop()
})

test('a segment whose file is gone is forgotten once nothing of it is missed, not written again', async () => {
  const first = await openWorld()
  const hash = await putBytes(first.blocks, content(1, BLOCK))
  await first.db.write((batch) => first.blocks.referenceAdded(batch, hash))
  await first.blocks.stop()
  first.disk.files.delete('/drive/00000001.segment')
  const { blocks, db, clock, fatal } = await openWorld({ disk: first.disk, store: first.store })
  const segments = async (): Promise<string[]> =>
    (await db.range(segmentTree, { limit: 10 })).map(({ key }) => key)
  assert.deepEqual(await segments(), [segmentKey(0, 1)])
  await putBytes(blocks, content(1, BLOCK))
  for (let passed = 0; passed < 10; passed += 1) {
    clock.advance(30_000)
    await turns(50)
  }
  assert.deepEqual(await segments(), [segmentKey(0, 2)])
  assert.deepEqual(await getBytes(blocks, hash), content(1, BLOCK))
  assert.deepEqual(fatal, [])
  await blocks.stop()
})
