import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../src/base/clock.ts'
import { SimulatedDisk } from '../../src/simulation/disk.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'

const atOnce: Clock = {
  wallMicros: () => 0,
  monotonicMicros: () => 0,
  after: (_ms, action) => {
    action()
    return () => undefined
  },
  soon: (action) => action(),
}

const newest = new Uint8Array(4096).fill(2)

async function written(drive: SimulatedDisk): Promise<void> {
  const disk = drive.of(atOnce, () => 0)
  const file = await disk.open('/f', { create: true })
  await file.write(new Uint8Array(2048).fill(1), 0)
  await file.datasync()
  await file.write(newest, 0)
}

async function content(drive: SimulatedDisk): Promise<Uint8Array> {
  return (await drive.of(atOnce, () => 0).readSmall('/f'))!
}

test('cut() keeps what was synced, and of the rest each sector as it was or as it was written', async () => {
  const sizes = new Set<number>()
  for (let seed = 1; seed <= 40; seed += 1) {
    const drive = new SimulatedDisk(new SeededRng(seed))
    await written(drive)
    drive.cut()
    const bytes = await content(drive)
    sizes.add(bytes.length)
    for (let at = 0; at < bytes.length; at += 512) {
      const sector = new Set(bytes.subarray(at, at + 512))
      assert.equal(sector.size, 1)
      assert.ok(at >= 2048 || !sector.has(0))
    }
  }
  assert.ok(sizes.size > 2, 'some cuts lose the end, some do not')
})

test('kill() keeps every finished write', async () => {
  const drive = new SimulatedDisk(new SeededRng(1))
  await written(drive)
  drive.kill()
  drive.cut()
  assert.deepEqual(await content(drive), new Uint8Array(4096).fill(2))
})

test('a call that a life began does not end once its clock stands still', async () => {
  const drive = new SimulatedDisk(new SeededRng(1))
  await written(drive)
  const life = {
    ...atOnce,
    isOver: false,
    after: (_ms: number, action: () => void) => {
      if (!life.isOver) action()
      return () => undefined
    },
  }
  const file = await drive.of(life, () => 1).open('/f', { create: false })
  life.isOver = true
  let isWritten = false
  void file.write(Uint8Array.of(9), 0).then(() => (isWritten = true))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isWritten, false)
  assert.equal((await content(drive))[0], 2)
})

test('a full drive takes no growth and rot() changes one bit', async () => {
  const drive = new SimulatedDisk(new SeededRng(3))
  await written(drive)
  drive.isFull = true
  const file = await drive.of(atOnce, () => 0).open('/f', { create: false })
  await assert.rejects(file.write(new Uint8Array(1), 4096), { code: 'ENOSPC' })
  await file.write(new Uint8Array(4096).fill(2), 0)
  await file.datasync()
  assert.equal(drive.rot(/none/), false)
  assert.equal(drive.rot(/^.f$/), true)
  const changed = (await content(drive)).filter((byte) => byte !== 2)
  assert.equal(changed.length, 1)
})

test('a sync that fails is told of once, and what it covered may never reach the drive', async () => {
  const wholeAfter: boolean[] = []
  for (let seed = 1; seed <= 10; seed += 1) {
    const drive = new SimulatedDisk(new SeededRng(seed))
    await written(drive)
    const disk = drive.of(atOnce, () => 0)
    const file = await disk.open('/f', { create: false })
    drive.unsyncable = /^\/other$/
    await disk.replace('/f2', new Uint8Array(1))
    assert.equal(drive.errorCount, 0)
    drive.unsyncable = /^\/f$/
    await assert.rejects(file.datasync(), { code: 'EIO' })
    await file.datasync()
    assert.equal(drive.errorCount, 1)
    const whole = (bytes: Uint8Array): boolean => Buffer.compare(bytes, newest) === 0
    drive.kill()
    assert.ok(whole(await content(drive)), 'the system still shows what was written')
    drive.cut()
    wholeAfter.push(whole(await content(drive)))
  }
  assert.ok(wholeAfter.includes(false), 'the drive has not all of it')
})

test('a failed replace leaves the old content; reads fail while they are meant to', async () => {
  const drive = new SimulatedDisk(new SeededRng(1))
  const disk = drive.of(atOnce, () => 0)
  await disk.replace('/f', new Uint8Array([1]))
  drive.unsyncable = /^\/f$/
  await assert.rejects(disk.replace('/f', new Uint8Array([2])), { code: 'EIO' })
  drive.unreadable = /^\/f$/
  await assert.rejects(disk.readSmall('/f'), { code: 'EIO' })
  const file = await disk.open('/f', { create: false })
  await assert.rejects(file.read(new Uint8Array(1), 0), { code: 'EIO' })
  drive.heal()
  assert.deepEqual(await disk.readSmall('/f'), new Uint8Array([1]))
})
