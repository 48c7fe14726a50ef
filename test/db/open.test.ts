import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '../../src/base/log.ts'
import type { Rng } from '../../src/base/rng.ts'
import type { Tree } from '../../src/db/db.ts'
import { DbFault } from '../../src/db/errors.ts'
import { DATA_FORMAT } from '../../src/db/identity.ts'
import { MemoryStore, openMemoryEngine } from '../../src/db/memory.ts'
import { openRows, type EngineHome, type Rows } from '../../src/db/open.ts'
import { SealFile } from '../../src/db/seal-file.ts'
import { writeState } from '../../src/db/state-file.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { systemDisk } from '../../src/node/system/disk.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { damageTable } from './damage.ts'

const words: Tree<string> = { name: 'words', tag: 'w', values: 'text' }

/** Numbers from 0 up to 1 from a seed (mulberry32). */
function chanceOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One machine: its disk and database outlive its lives. */
class Machine {
  readonly clock = new VirtualClock()
  readonly store = new MemoryStore()
  readonly chance: () => number
  readonly disk: MemoryDisk
  readonly #rng: Rng
  readonly #home: EngineHome

  constructor(seed: number) {
    this.chance = chanceOf(seed)
    const { chance, clock, store } = this
    this.disk = new MemoryDisk({ clock, chance, delayMs: () => chance() * 3 })
    this.#rng = { bytes: (length) => Uint8Array.from({ length }, () => chance() * 256) }
    this.#home = {
      isPresent: () => Promise.resolve(store.rowCount > 0),
      open: ({ create }) => {
        if (!create && store.rowCount === 0) throw new DbFault('CannotOpen', 'Cannot open: empty')
        return Promise.resolve(openMemoryEngine(store, clock, () => chance() * 5))
      },
      repair: (accepted) => accepted().then(() => '/meta/db-damaged'),
    }
  }

  cut(): void {
    this.store.crash(this.chance() < 0.5 ? 'keep' : 'lose')
    this.disk.cut()
  }

  open(): Promise<Rows> {
    const { clock, disk } = this
    return openRows({
      folder: '/meta',
      disk,
      clock,
      rng: this.#rng,
      log: silentLog,
      onFatal: (fault) => assert.fail(fault),
      engineHome: this.#home,
    })
  }

  /** The newest note that survived, with the power back. */
  async noted(): Promise<number> {
    const opening = SealFile.open(this.disk, '/meta/seal')
    await this.clock.run(100)
    const file = await opening
    return file.last?.sequence ?? 0
  }
}

/** One life: opens, checks what earlier ones were told, writes until power fails. */
async function live(machine: Machine, acknowledged: Map<string, string>): Promise<void> {
  const { clock, chance } = machine
  let told = 0
  const opening = machine.open().then(async (rows) => {
    assert.equal(rows.sealStatus.broken, undefined, 'a false alarm')
    for (const [key, value] of acknowledged) {
      assert.ok(Number(rows.db.get(words, key)) >= Number(value), `${key} was lost`)
    }
    told = rows.sealStatus.sequence
    for (let count = 0; ; count += 1) {
      const key = `k${Math.floor(chance() * 20)}`
      const value = String(Number(rows.db.get(words, key) ?? '0') + 1)
      const written = rows.db
        .write((batch) => batch.put(words, key, value))
        .then(() => {
          acknowledged.set(key, value)
          // Groups that were begun since are not acknowledged; those up to this one are.
          told = Math.max(told, rows.sequence() - 1)
        })
      if (chance() < 0.4) await written
    }
  })
  opening.catch((error: unknown) => {
    failure ??= error
  })
  let failure: unknown
  await clock.run(chance() < 0.2 ? chance() * 20 : 20 + chance() * 60)
  machine.cut()
  if (failure !== undefined) throw failure as Error
  if (told > 0) {
    const noted = await machine.noted()
    assert.ok(noted >= told - 1, `acknowledged up to ${told}, proved up to ${noted}`)
  }
}

test('openRows() raises no false alarm and loses nothing when power fails anywhere', async () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const machine = new Machine(seed)
    const acknowledged = new Map<string, string>()
    try {
      for (let life = 0; life < 6; life += 1) await live(machine, acknowledged)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})

test('openRows() keeps its identity, and refuses a newer data format', async () => {
  const machine = new Machine(1)
  const lives: Rows[] = []
  const live = async (): Promise<void> => {
    const rows = await machine.open()
    lives.push(rows)
    await rows.db.write((batch) => batch.put(words, 'a', 'x'))
    await rows.db.close()
  }
  for (let count = 0; count < 2; count += 1) {
    const living = live()
    await machine.clock.run(200)
    await living
  }
  const [first, second] = lives
  assert.equal(second?.identity().nodeKey, first?.identity().nodeKey)
  assert.equal(second?.identity().incarnation, first?.identity().incarnation)
  assert.equal(second?.sealStatus.sequence, 2)

  const newer = { ...first!.identity(), format: DATA_FORMAT + 1 }
  const writing = writeState(machine.disk, '/meta/identity', newer)
  await machine.clock.run(50)
  await writing
  const refused = assert.rejects(
    machine.open(),
    (error: unknown) => error instanceof DbFault && error.code === 'NewerFormat',
  )
  await machine.clock.run(50)
  await refused
})

const numbers: Tree<string> = { name: 'number', tag: 'n', values: 'text' }

test('a table that is damaged is found where all is read, and what is left goes on once that is accepted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hangar-rows-'))
  const rng = { bytes: (length: number) => randomBytes(length) }
  const told: string[] = []
  const log = { ...silentLog, error: (_: object, message: string) => told.push(message) }
  const open = (options: { acceptLoss?: boolean; readAll?: (rows: number) => void } = {}) =>
    openRows({
      ...{ folder, disk: systemDisk, clock: systemClock, rng, log },
      onFatal: (fault) => assert.fail(fault),
      ...options,
    })
  try {
    const first = await open()
    const count = 20_000
    for (let at = 0; at < count; at += 1000) {
      await first.db.write((batch) => {
        for (let row = at; row < at + 1000; row += 1) {
          batch.put(numbers, String(row).padStart(6, '0'), randomBytes(20).toString('hex'))
        }
      })
    }
    const { incarnation } = first.identity()
    await first.db.close()
    await (await open()).db.close()
    damageTable(join(folder, 'db'))
    // The seal is whole.
    const blind = await open()
    assert.equal(blind.sealStatus.broken, undefined)
    const from = String(count / 2 - 1000).padStart(6, '0')
    await assert.rejects(
      blind.db.range(numbers, { gte: from, limit: count }).then(async (page) => {
        // A page ends before the damage, or meets it.
        await blind.db.range(numbers, { gt: page.at(-1)!.key, limit: count })
      }),
      { code: 'Unreadable' },
    )
    assert.match(told.join(), /Some rows of the database cannot be read.*hangar recover/)
    await blind.db.close()
    let read = 0
    const readAll = (rows: number): void => {
      read = rows
    }
    const found = await open({ readAll })
    assert.match(found.sealStatus.broken ?? '', /^some rows cannot be read: Corruption/)
    assert.ok(read > 0 && read < count)
    await assert.rejects(
      found.db.write((batch) => batch.put(numbers, 'x', 'y')),
      { code: 'ReadOnly' },
    )
    await found.db.close()
    const accepted = await open({ readAll, acceptLoss: true })
    assert.match(accepted.sealStatus.accepted ?? '', /^some rows cannot be read/)
    assert.notEqual(accepted.identity().incarnation, incarnation)
    await accepted.db.close()
    const whole = await open({ readAll })
    assert.equal(whole.sealStatus.broken, undefined)
    assert.ok(read > count - 1000 && read < count + 100, `${read} rows are left`)
    await whole.db.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})
