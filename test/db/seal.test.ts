import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { silentLog } from '../../src/base/log.ts'
import type { Db, Tree } from '../../src/db/db.ts'
import { DbFault, type DbErrorCode } from '../../src/db/errors.ts'
import { openRows, type Rows } from '../../src/db/open.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { systemDisk } from '../../src/node/system/disk.ts'
import { systemRng } from '../../src/node/system/rng.ts'

const words: Tree<string> = { name: 'words', tag: 'w', values: 'text' }
const root = fs.mkdtempSync(join(tmpdir(), 'hangar-seal-'))
after(() => fs.rmSync(root, { recursive: true }))

let folders = 0
const newFolder = (): string => join(root, String((folders += 1)))

function open(folder: string, acceptLoss = false): Promise<Rows> {
  return openRows({
    folder,
    acceptLoss,
    disk: systemDisk,
    clock: systemClock,
    rng: systemRng(),
    log: silentLog,
    onFatal: (fault) => assert.fail(fault),
  })
}

const isFault =
  (code: DbErrorCode) =>
  (error: unknown): boolean =>
    error instanceof DbFault && error.code === code

function logOf(folder: string): string {
  const logs = fs.readdirSync(join(folder, 'db')).filter((name) => name.endsWith('.log'))
  return join(folder, 'db', logs.sort().at(-1)!)
}

function keyOf(index: number): string {
  return String(index).padStart(4, '0')
}

interface Filled {
  /** A copy of the folder as a kill would leave it, nothing closed. */
  readonly killed: string
  /** The folder after a clean stop. */
  readonly stopped: string
  /** Size of the log after each group. */
  readonly logSizes: readonly number[]
}

/** A database of `count` groups of one row. */
async function fill(count: number): Promise<Filled> {
  const stopped = newFolder()
  const rows = await open(stopped)
  const { db } = rows
  const logSizes: number[] = []
  for (let index = 0; index < count; index += 1) {
    await db.write((batch) => batch.put(words, keyOf(index), 'x'.repeat(200 + (index % 700))))
    logSizes.push(fs.statSync(logOf(stopped)).size)
  }
  await noted(stopped, rows.sequence())
  const killed = copyOf(stopped)
  await db.close()
  return { killed, stopped, logSizes }
}

/** The last group is noted just after it was acknowledged. */
async function noted(folder: string, sequence: number): Promise<void> {
  const note = `hangar-seal 1 ${sequence} `
  while (!fs.readFileSync(join(folder, 'seal'), 'latin1').includes(note)) {
    await new Promise(setImmediate)
  }
}

function copyOf(folder: string): string {
  const copy = newFolder()
  fs.cpSync(folder, copy, { recursive: true })
  return copy
}

async function rowCount(db: Db): Promise<number> {
  return (await db.range(words, { limit: 1000 })).length
}

/** Opens a damaged folder: it must be noticed, only read, and be of use again on request. */
async function expectBroken(folder: string, missing: RegExp): Promise<void> {
  const rows = await open(folder)
  assert.match(rows.sealStatus.broken ?? 'nothing was noticed', missing)
  await rowCount(rows.db)
  await assert.rejects(
    rows.db.write((batch) => batch.put(words, 'more', 'x')),
    isFault('ReadOnly'),
  )
  await rows.db.close()
}

async function expectUsableAfterLoss(folder: string): Promise<void> {
  const accepted = await open(folder, true)
  assert.equal(accepted.sealStatus.broken, undefined)
  assert.ok(accepted.sealStatus.accepted !== undefined)
  await accepted.db.write((batch) => batch.put(words, 'more', 'x'))
  const first = accepted.identity()
  await accepted.db.close()
  const again = await open(folder)
  assert.equal(again.sealStatus.broken, undefined)
  assert.equal(again.identity().incarnation, first.incarnation)
  assert.equal(again.db.get(words, 'more'), 'x')
  await again.db.close()
}

test('seal notices a log cut by two groups or more, wherever the cut falls', async () => {
  const { killed, logSizes } = await fill(40)
  for (let lost = 2; lost <= 39; lost += 4) {
    const from = logSizes[39 - lost]!
    const next = logSizes[40 - lost]!
    for (const size of [from, from + 1, Math.floor((from + next) / 2), next - 1]) {
      const folder = copyOf(killed)
      fs.truncateSync(logOf(folder), size)
      await expectBroken(folder, new RegExp(`^writes \\d+ to \\d+ are missing at the end$`))
      fs.rmSync(folder, { recursive: true })
    }
  }
  const folder = copyOf(killed)
  fs.truncateSync(logOf(folder), logSizes[30]!)
  await expectBroken(folder, /^writes 33 to 41 are missing at the end$/)
  await expectUsableAfterLoss(folder)
})

test('seal notices a log cut by a single group after a clean stop', async () => {
  const { stopped, logSizes } = await fill(10)
  fs.truncateSync(logOf(stopped), logSizes[8]!)
  await expectBroken(stopped, /^writes 11 to 11 are missing at the end$/)
})

test('seal notices a flipped bit in the middle of the log', async () => {
  const { killed, logSizes } = await fill(150)
  const end = logSizes[100]!
  const whole = fs.readFileSync(logOf(killed))
  for (let round = 0; round < 40; round += 1) {
    const folder = copyOf(killed)
    const bytes = Buffer.from(whole)
    const position = Math.floor((end * round) / 40) + 3
    bytes[position]! ^= 1 << (round % 8)
    fs.writeFileSync(logOf(folder), bytes)
    await expectBroken(folder, /missing|no seal/)
    if (round === 20) await expectUsableAfterLoss(folder)
    fs.rmSync(folder, { recursive: true })
  }
})

test('seal notices that CURRENT is gone, and repairs only when told to', async () => {
  const { stopped } = await fill(20)
  fs.rmSync(join(stopped, 'db', 'CURRENT'))
  await assert.rejects(open(stopped), isFault('CannotOpen'))
  await assert.rejects(open(stopped), isFault('CannotOpen'))
  const rows = await open(stopped, true)
  assert.match(rows.sealStatus.accepted ?? '', /^Cannot open the database/)
  assert.equal(await rowCount(rows.db), 20)
  await rows.db.close()
  await expectIntact(stopped, 20)
})

test('seal notices an emptied database folder', async () => {
  const { stopped } = await fill(5)
  fs.rmSync(join(stopped, 'db'), { recursive: true })
  await assert.rejects(open(stopped), isFault('CannotOpen'))
  await expectUsableAfterLoss(stopped)
})

test('seal notices an old copy of the database folder', async () => {
  const folder = newFolder()
  const first = await open(folder)
  for (let index = 0; index < 5; index += 1) {
    await first.db.write((batch) => batch.put(words, keyOf(index), 'x'))
  }
  await first.db.close()
  const old = copyOf(join(folder, 'db'))
  const second = await open(folder)
  for (let index = 5; index < 10; index += 1) {
    await second.db.write((batch) => batch.put(words, keyOf(index), 'x'))
  }
  await second.db.close()
  const current = copyOf(join(folder, 'db'))
  const putBack = (copy: string): void => {
    fs.rmSync(join(folder, 'db'), { recursive: true })
    fs.cpSync(copy, join(folder, 'db'), { recursive: true })
  }
  putBack(old)
  await expectBroken(folder, /^writes 7 to 11 are missing at the end$/)
  putBack(current)
  await expectIntact(folder, 10)
  putBack(old)
  await expectUsableAfterLoss(folder)
  // What was written before the loss was accepted is of another incarnation now.
  putBack(current)
  await expectBroken(folder, /another incarnation/)
})

test('seal notices a database that went another way at the same length', async () => {
  const folder = newFolder()
  const first = await open(folder)
  await first.db.write((batch) => batch.put(words, 'a', 'x'))
  await first.db.close()
  const twin = copyOf(folder)
  for (const [path, value] of [
    [folder, 'one'],
    [twin, 'two'],
  ] as const) {
    const { db } = await open(path)
    await db.write((batch) => batch.put(words, 'b', value))
    await db.close()
  }
  fs.rmSync(join(folder, 'db'), { recursive: true })
  fs.cpSync(join(twin, 'db'), join(folder, 'db'), { recursive: true })
  await expectBroken(folder, /^the database is not the one that was sealed at write 3$/)
})

test('seal notices that its own file or the identity file is gone', async () => {
  const { stopped } = await fill(5)
  const other = copyOf(stopped)
  fs.rmSync(join(stopped, 'seal'))
  await expectBroken(stopped, /^the seal file is missing/)
  await expectUsableAfterLoss(stopped)

  fs.rmSync(join(other, 'identity'))
  await assert.rejects(open(other), isFault('CannotOpen'))
  await expectUsableAfterLoss(other)
})

test('seal is intact after a clean stop and after a kill, start after start', async () => {
  const { killed, stopped } = await fill(30)
  for (let round = 0; round < 3; round += 1) {
    await expectIntact(killed, 30)
    await expectIntact(stopped, 30)
  }
})

test('a start that was cut off before the database was made is made good', async () => {
  const { killed } = await fill(0)
  const identity = fs.readFileSync(join(killed, 'identity'), 'utf8')
  const body = identity.slice(identity.indexOf('\n') + 1)
  const { crc32 } = await import('node:zlib')
  const undone = body.replace('"isDatabaseMade": true', '"isDatabaseMade": false')
  assert.notEqual(undone, body)
  fs.writeFileSync(join(killed, 'identity'), `hangar-state 1 ${crc32(undone)}\n${undone}`)
  await expectIntact(killed, 0)
  await expectIntact(killed, 0)
})

async function expectIntact(folder: string, count: number): Promise<void> {
  const rows = await open(folder)
  assert.equal(rows.sealStatus.broken, undefined)
  assert.equal(await rowCount(rows.db), count)
  await rows.db.close()
}

test('what is renewed while it is open goes on as another incarnation, above what it was told', async () => {
  const { stopped } = await fill(40)
  const rows = await open(stopped)
  const before = rows.identity().incarnation
  const writing = rows.db.write((batch) => batch.put(words, 'beside', 'x'))
  const incarnation = await rows.renew('writes 41 to 200 are missing', 200)
  await writing
  assert.notEqual(incarnation, before)
  assert.equal(rows.identity().incarnation, incarnation)
  assert.ok(rows.sequence() > 200, `${rows.sequence()}`)
  await rows.db.write((batch) => batch.put(words, 'after', 'x'))
  await noted(stopped, rows.sequence())
  const killed = copyOf(stopped)
  await rows.db.close()
  for (const folder of [stopped, killed]) {
    const again = await open(folder)
    assert.equal(again.sealStatus.broken, undefined)
    assert.equal(again.identity().incarnation, incarnation)
    assert.equal(again.db.get(words, 'after'), 'x')
    await again.db.close()
  }
})

test('a renewal that is cut off after its first write is a broken seal', async () => {
  const { stopped } = await fill(40)
  const rows = await open(stopped)
  const renewed = rows.renew('writes 41 to 200 are missing', 200)
  const identity = join(stopped, 'identity')
  const before = fs.readFileSync(identity, 'utf8')
  while (fs.readFileSync(identity, 'utf8') === before) await new Promise(setImmediate)
  const killed = copyOf(stopped)
  await renewed
  await rows.db.close()
  // The copy holds the database of before, or all of it.
  fs.cpSync(join(stopped, 'identity'), join(killed, 'identity'))
  const again = await open(killed)
  assert.notEqual(again.sealStatus.broken, undefined)
  await again.db.close()
})

test('sequence() is that of the last group that is on stable storage', async () => {
  const folder = newFolder()
  const rows = await open(folder)
  const begun = rows.sequence()
  const writing = rows.db.write((batch) => batch.put(words, 'a', 'x'))
  await new Promise<void>((resolve) => queueMicrotask(resolve))
  assert.equal(rows.sequence(), begun)
  await writing
  assert.equal(rows.sequence(), begun + 1)
  await rows.db.close()
})
