import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../src/base/clock.ts'
import { LEVEL_WRITE_BUFFER_BYTES, MIB } from '../../src/base/limits.ts'
import type { Engine, Operation } from '../../src/db/engine.ts'
import { MemoryStore, openMemoryEngine } from '../../src/db/memory.ts'
import { SealFile } from '../../src/db/seal-file.ts'
import { Seal, type SealOptions } from '../../src/db/seal.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { MemoryDisk } from '../support/memory-disk.ts'

const clock: Clock = {
  ...systemClock,
  after: (delayMs, action) => systemClock.after(delayMs, action, { keepAlive: true }),
}
const megabyte = 'x'.repeat(MIB)

async function sealOptions(): Promise<SealOptions> {
  const disk = new MemoryDisk({ clock, delayMs: () => 0, chance: () => 0 })
  const file = await SealFile.open(disk, '/seal')
  return {
    witness: { incarnation: 'ab', identitySequence: 0, file },
    whenEnded: () => Promise.resolve(),
  }
}

/** Writes `count` groups of one row, and returns how many bytes they had. */
async function write(engine: Engine, seal: Seal, values: readonly string[]): Promise<number> {
  let bytes = 0
  for (const value of values) {
    const operation: Operation = { type: 'put', key: 'k', value }
    await engine.write([operation, ...seal.stamp([operation])])
    bytes += value.length
  }
  return bytes
}

async function slotCount(engine: Engine): Promise<number> {
  return (await engine.range({ gte: '~', lt: '~g', limit: 100_000 }, 'text')).length
}

test('seal keeps slots for two write buffers of groups, and drops older ones', async () => {
  const engine = openMemoryEngine(new MemoryStore(), clock, undefined)
  const options = await sealOptions()
  const seal = await Seal.begin(engine, options, 0)

  await write(engine, seal, Array<string>(1500).fill('small'))
  assert.equal(await slotCount(engine), 1501, 'nothing is dropped within the window')
  await write(engine, seal, Array<string>(60).fill(megabyte))
  const afterLarge = await slotCount(engine)
  assert.ok(afterLarge < 1501 && afterLarge >= 1024, `${afterLarge} slots after large groups`)

  const kept = await write(engine, seal, Array<string>(2000).fill('x'.repeat(20_000)))
  assert.ok(kept >= 2 * LEVEL_WRITE_BUFFER_BYTES)
  assert.ok((await slotCount(engine)) * 20_000 >= 2 * LEVEL_WRITE_BUFFER_BYTES)
  assert.ok((await slotCount(engine)) <= 2500)
  await seal.note()

  const checked = await Seal.check(engine, options)
  assert.equal(checked.verdict.kind, 'intact')
  assert.equal(checked.sequence, 3561)
})

test('seal notices any slot of the window that is missing or changed', async () => {
  const engine = openMemoryEngine(new MemoryStore(), clock, undefined)
  const options = await sealOptions()
  const seal = await Seal.begin(engine, options, 0)
  await write(engine, seal, Array<string>(20).fill('x'))
  await seal.note()
  const slots = await engine.range({ gte: '~', lt: '~g', limit: 100 }, 'text')
  assert.equal(slots.length, 21)
  for (const [key, value] of slots) {
    const changed = String(value).replace(/\d$/, (digit) => String((Number(digit) + 1) % 10))
    for (const operation of [
      { type: 'del', key, value: undefined },
      { type: 'put', key, value: changed },
      { type: 'put', key, value: 'nonsense' },
    ] as const) {
      await engine.write([operation])
      assert.equal((await Seal.check(engine, options)).verdict.kind, 'broken', key)
    }
    await engine.write([{ type: 'put', key, value }])
  }
  assert.equal((await Seal.check(engine, options)).verdict.kind, 'intact')
})
