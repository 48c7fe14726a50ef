import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../../src/base/limits.ts'
import { zeroTree } from '../../../src/block/references.ts'
import { recordSize } from '../../../src/block/segment/record.ts'
import { MemoryStore } from '../../../src/db/memory.ts'
import { CrashDisk, seededRandom } from '../disk.ts'
import { content, getBytes, hashOf, openWorld, putBytes, turns, type World } from '../harness.ts'

/** What clients were told before the node died. */
interface Told {
  /** Blocks that were stored; resync may have taken those without a reference since. */
  readonly stored: Map<string, Uint8Array>
  /** Blocks with a reference that was never dropped. */
  readonly referenced: Set<string>
}

/** One client: stores blocks, refers to most of them, drops some again. */
async function client(world: World, told: Told, random: () => number, name: number): Promise<void> {
  const mine: string[] = []
  for (let round = 0; round < 14; round++) {
    const length = 1 + Math.floor(random() * 400_000)
    const bytes = content(name * 1000 + round, Math.max(4, length))
    const hash = await putBytes(world.blocks, bytes)
    told.stored.set(hash, bytes)
    if (random() < 0.7) {
      const outcome = await world.blocks.guardReference(hash, () =>
        world.db.write((batch) => world.blocks.referenceAdded(batch, hash)),
      )
      assert.equal(outcome, undefined)
      told.referenced.add(hash)
      mine.push(hash)
    }
    if (mine.length > 2 && random() < 0.7) {
      const dropped = mine.shift()!
      told.referenced.delete(dropped)
      await world.db.write((batch) => world.blocks.referenceDropped(batch, dropped))
    }
    world.clock.advance(400)
  }
}

/** Checks all that must hold of blocks that were just opened. */
async function assertSound(world: World, told: Told): Promise<void> {
  const { blocks, db } = world
  const hashes = await blocks.allHashes(undefined, 1000)
  for (const hash of told.referenced) assert.ok(blocks.has(hash), 'a referenced block is here')
  let live = 0
  for (const hash of hashes) {
    const bytes = await getBytes(blocks, hash)
    live += recordSize(bytes.length)
    const count = blocks.referenceCount(hash)
    assert.equal(db.get(zeroTree, hash) !== undefined, count === 0, 'a zero row while none refers')
    const stored = told.stored.get(hash)
    if (stored !== undefined) assert.deepEqual(bytes, stored)
    else assert.equal(hashOf(bytes), hash)
  }
  const drives = await blocks.drives()
  const counted = drives.reduce((sum, drive) => sum + drive.liveBytes, 0)
  assert.equal(counted, live, 'live bytes agree with the index')
}

/** Runs clients until the disk's `killAt`-th change; resolves when they are done or dead. */
async function runUntilKilled(world: World, random: () => number): Promise<Told> {
  const told: Told = { stored: new Map(), referenced: new Set() }
  const killed = new Promise<void>((resolve) => {
    world.disk.onKill = resolve
  })
  const clients = [1, 2, 3].map((name) => client(world, told, random, name))
  await Promise.race([killed, Promise.all(clients)])
  return told
}

async function killAndReopen(killAt: number, powerLoss: boolean): Promise<boolean> {
  const random = seededRandom(killAt)
  const store = new MemoryStore()
  const small = { segmentBytes: 2 * MIB, stepBytes: 2 * MIB, graceMs: 1500 }
  const first = await openWorld({ ...small, store })
  first.disk.killAt = first.disk.changes + killAt
  const told = await runUntilKilled(first, random)
  const wasKilled = first.disk.changes >= first.disk.killAt
  // What the clients were told so far counts; no answer comes later.
  const known = { stored: new Map(told.stored), referenced: new Set(told.referenced) }
  store.crash(random() < 0.5 ? 'keep' : 'lose')
  const disk = powerLoss ? first.disk.crash(random) : first.disk.killed()
  const second = await openWorld({ ...small, disk, store, started: false })
  await assertSound(second, known)
  await second.blocks.start()
  for (let seed = 0; seed < 6; seed++) {
    const bytes = content(9000 + seed, 300_000)
    known.stored.set(await putBytes(second.blocks, bytes), bytes)
    second.clock.advance(1000)
    await turns(5)
  }
  await second.blocks.stop()
  const third = await openWorld({ ...small, disk, store, started: false })
  await assertSound(third, known)
  await third.blocks.stop()
  assert.deepEqual([...second.fatal, ...third.fatal], [])
  return wasKilled
}

test('a power loss at any change of the drive loses nothing that was acknowledged', async () => {
  let kills = 0
  for (let killAt = 1; killAt <= 110; killAt++) if (await killAndReopen(killAt, true)) kills++
  assert.ok(kills > 100, `${kills} kills took place`)
})

test('a kill -9 at any change of the drive loses nothing that was acknowledged', async () => {
  let kills = 0
  for (let killAt = 1; killAt <= 110; killAt += 5) if (await killAndReopen(killAt, false)) kills++
  assert.ok(kills > 20, `${kills} kills took place`)
})

test('put resolves only after the sync of its data and of its row', async () => {
  const world = await openWorld()
  await putBytes(world.blocks, content(1, 5000))
  const hash = hashOf(content(2, 5000))
  let isStored = false
  const putting = putBytes(world.blocks, content(2, 5000)).then(() => {
    isStored = true
  })
  while (!isStored) {
    const atRest = world.disk.crash(() => 0)
    const file = atRest.files.get('/drive/00000001.segment')!.current
    const isDurable = Buffer.from(file).includes(Buffer.from(content(2, 5000)))
    assert.ok(isDurable || !world.blocks.has(hash), 'a row never comes before its data')
    await turns(1)
  }
  await putting
  await world.blocks.stop()
})

test('a failed sync is fatal: nothing is acknowledged, and it is not tried again', async () => {
  const world = await openWorld()
  const before = await putBytes(world.blocks, content(1, 5000))
  world.disk.failSync = true
  const puts = [2, 3, 4].map((seed) => putBytes(world.blocks, content(seed, 5000)))
  for (const put of puts) await assert.rejects(put, { code: 'DriveFailed' })
  assert.equal(world.fatal.length, 1)
  world.disk.failSync = false
  const syncs = world.disk.syncs
  await assert.rejects(putBytes(world.blocks, content(5, 5000)), { code: 'DriveFailed' })
  assert.equal(world.disk.syncs, syncs)
  for (const seed of [2, 3, 4, 5]) {
    assert.equal(world.blocks.has(hashOf(content(seed, 5000))), false)
  }
  assert.deepEqual(await getBytes(world.blocks, before), content(1, 5000))
  assert.equal(world.blocks.slab.freeCount, world.blocks.slab.totalCount)
  await world.blocks.stop()
})

test('no two syncs of a segment overlap: of such a failure the system tells one alone', async () => {
  const world = await openWorld()
  let underWay = 0
  let most = 0
  world.disk.duringSync = async () => {
    most = Math.max(most, ++underWay)
    await turns(2)
    underWay--
  }
  // Its file grows meanwhile.
  await Promise.all(
    [1, 2, 3, 4, 5, 6].map((seed) => putBytes(world.blocks, content(seed, 900_000))),
  )
  assert.equal(most, 1)
  await world.blocks.stop()
})

test('zeros that find no space only when they are synced fail the drive, as records would', async () => {
  const world = await openWorld()
  const lengthOf = (): number =>
    world.disk.files.get('/drive/00000001.segment')?.current.length ?? 0
  await putBytes(world.blocks, content(0, 900_000))
  await turns(20)
  const before = lengthOf()
  world.disk.duringSync = () => {
    const isGrown = lengthOf() > before && lengthOf() % (2 * MIB) === 0
    if (!isGrown) return Promise.resolve()
    return Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }))
  }
  for (let seed = 1; seed < 6 && world.fatal.length === 0; seed++) {
    await putBytes(world.blocks, content(seed, 900_000)).catch(() => undefined)
    await turns(20)
  }
  assert.equal(world.fatal.length, 1)
  await assert.rejects(putBytes(world.blocks, content(9, 5000)), { code: 'DriveFailed' })
  await world.blocks.stop()
})

for (const fullCode of ['ENOSPC', 'EDQUOT']) {
  test(`a drive that says ${fullCode}, whatever its space, is full and not failed`, async () => {
    const disk = new CrashDisk()
    disk.fullCode = fullCode
    disk.space = () => Promise.resolve({ availableBytes: 2 ** 40, totalBytes: 2 ** 40 })
    disk.totalBytes = 9 * MIB
    const world = await openWorld({ disk })
    const stored: string[] = []
    const fill = async (): Promise<void> => {
      for (let seed = 0; seed < 20; seed++)
        stored.push(await putBytes(world.blocks, content(seed, MIB)))
    }
    await assert.rejects(fill(), { code: 'DriveFull' })
    assert.ok(stored.length >= 5)
    disk.totalBytes = 64 * MIB
    await fill()
    for (const [index, hash] of stored.slice(0, 5).entries()) {
      assert.deepEqual(await getBytes(world.blocks, hash), content(index, MIB))
    }
    assert.deepEqual(world.fatal, [])
    await world.blocks.stop()
  })
}

test('stop waits for what is being written, and refuses what comes later', async () => {
  const world = await openWorld()
  const seeds = Array.from({ length: 6 }, (_, seed) => seed)
  const puts = seeds.map((seed) => putBytes(world.blocks, content(seed, 900_000)))
  await turns(1)
  await Promise.all([world.blocks.stop(), ...puts])
  await assert.rejects(putBytes(world.blocks, content(40, 5000)), { code: 'DriveFailed' })
  assert.deepEqual(world.fatal, [])
})

test('a drive that fails leaves the others to write to', async () => {
  const world = await openWorld({ folders: ['/one', '/two'] })
  world.disk.failSync = true
  await assert.rejects(putBytes(world.blocks, content(1, 5000)), { code: 'DriveFailed' })
  world.disk.failSync = false
  const hash = await putBytes(world.blocks, content(2, 5000))
  assert.deepEqual(await getBytes(world.blocks, hash), content(2, 5000))
  await world.blocks.stop()
})

test('segments grow by steps ahead of need and are written anew when they were emptied', async () => {
  const world = await openWorld()
  for (let seed = 0; seed < 3; seed++) await putBytes(world.blocks, content(seed, 900_000))
  await turns(20)
  assert.equal(world.disk.files.get('/drive/00000001.segment')!.current.length, 4 * MIB)
  for (let seed = 3; seed < 9; seed++) await putBytes(world.blocks, content(seed, 900_000))
  for (let second = 0; second < 60; second++) {
    world.clock.advance(1000)
    await turns(10)
  }
  assert.deepEqual(await world.blocks.allHashes(undefined, 10), [])
  const [drive] = await world.blocks.drives()
  assert.equal(drive!.segmentCount, 2, 'the open one, and an empty one')
  const files = [...world.disk.files.keys()]
  for (let seed = 50; seed < 57; seed++) {
    const hash = await putBytes(world.blocks, content(seed, 900_000))
    assert.deepEqual(await getBytes(world.blocks, hash), content(seed, 900_000))
  }
  assert.deepEqual([...world.disk.files.keys()], files, 'which was written anew')
  await world.blocks.stop()
})
