import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SealFile } from '../../src/db/seal-file.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const incarnation = 'ab'.repeat(16)

test('SealFile keeps the note before when the newest is torn', async () => {
  const clock = new VirtualClock()
  const disk = new MemoryDisk({ clock, delayMs: () => 0, chance: () => 0 })
  const done = async <T>(work: Promise<T>): Promise<T> => {
    await clock.run(1)
    return work
  }
  const file = await done(SealFile.open(disk, '/seal'))
  assert.equal(file.last, undefined)
  for (let sequence = 1; sequence <= 5; sequence += 1) {
    await done(file.write({ sequence, chain: sequence * 7, incarnation }))
    const again = await done(SealFile.open(disk, '/seal'))
    assert.deepEqual(again.last, { sequence, chain: sequence * 7, incarnation })

    const raw = await done(disk.open('/seal', { create: false }))
    for (const position of [0, 4096]) {
      const slot = new Uint8Array(512)
      await done(raw.read(slot, position))
      await done(raw.write(new Uint8Array(40).fill(0xff), position + 10))
      const torn = await done(SealFile.open(disk, '/seal'))
      assert.ok([undefined, sequence, sequence - 1].includes(torn.last?.sequence))
      await done(raw.write(slot, position))
    }
  }
  const size = await done((await done(disk.open('/seal', { create: false }))).sizeBytes())
  assert.equal(size, 8192)
})
