import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Level } from 'level'
import type { FolderDisk } from '../../src/base/disk.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Tree } from '../../src/db/db.ts'
import { DbFault } from '../../src/db/errors.ts'
import { openLevelEngine } from '../../src/db/level.ts'
import { openRows, type Rows } from '../../src/db/open.ts'
import { repairLevel, settleRepair } from '../../src/db/repair.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { systemDisk } from '../../src/node/system/disk.ts'
import { systemRng } from '../../src/node/system/rng.ts'
import { damageTable, damagedTable, keyOf, ROWS } from './damage.ts'

const root = mkdtempSync(join(tmpdir(), 'hangar-repair-'))
after(() => rmSync(root, { recursive: true }))
let folders = 0
const newFolder = (): string => join(root, `${(folders += 1)}`, 'db')

const isCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof DbFault && error.code === code

async function repair(folder: string, disk: FolderDisk = systemDisk): Promise<boolean> {
  let isAccepted = false
  const accepted = (): Promise<void> => {
    isAccepted = true
    return Promise.resolve()
  }
  assert.equal(await repairLevel(folder, { disk, accepted }), `${folder}-damaged`)
  return isAccepted
}

/** Names and contents, but for what any opening writes to. */
function contentOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !name.startsWith('LO'))
  return Object.fromEntries(
    names.sort().map((name) => [name, readFileSync(join(folder, name), 'base64')]),
  )
}

async function keysOf(folder: string): Promise<string[]> {
  const level = new Level(folder, { createIfMissing: false }) as Level & {
    getProperty(name: string): string
  }
  await level.open()
  assert.equal(level.getProperty('leveldb.num-files-at-level0'), '0')
  const keys = await level.keys().all()
  await level.close()
  return keys
}

function assertMost(count: number): void {
  assert.ok(count > ROWS - 1000 && count < ROWS, `${count} rows`)
}

test('a repair keeps what can be read, merges what a read would not find in its order, and the damaged files', async () => {
  const folder = await damagedTable(newFolder())
  const before = contentOf(folder)
  assert.equal(await repair(folder), true)
  assertMost((await keysOf(folder)).length)
  assert.deepEqual(contentOf(`${folder}-damaged`), before)
  const names = readdirSync(join(folder, '..')).sort()
  assert.deepEqual(names, ['db', 'db-damaged', 'db-lock'])
  assert.ok(!readdirSync(folder).includes('lost'))
  // Once more, as after the next damage: what was kept makes room.
  damageTable(folder)
  const again = contentOf(folder)
  await repair(folder)
  assert.deepEqual(contentOf(`${folder}-damaged`), again)
})

test('a repair takes in what is in no table yet', async () => {
  const folder = newFolder()
  const engine = await openLevelEngine(folder, { create: true })
  await engine.write([{ type: 'put', key: 'a', value: 'x' }])
  await engine.close()
  rmSync(join(folder, 'CURRENT'))
  await assert.rejects(openLevelEngine(folder, { create: false }), isCode('CannotOpen'))
  await repair(folder)
  assert.deepEqual(await keysOf(folder), ['a'])
})

test('a repair is refused while another process has the database open, or repairs it', async () => {
  const folder = await damagedTable(newFolder())
  const holder = fileURLToPath(new URL('level-holder.js', import.meta.url))
  const never = (): Promise<void> => assert.fail('it is in use')
  for (const held of [folder, `${folder}-lock`]) {
    const child = spawn(process.execPath, [holder, held], { stdio: ['pipe', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    await assert.rejects(
      repairLevel(folder, { disk: systemDisk, accepted: never }),
      isCode('Locked'),
    )
    child.stdin.end()
    await once(child, 'exit')
  }
  await repair(folder)
})

test('nothing is opened while another process repairs it', async () => {
  const folder = await damagedTable(newFolder())
  let tries = 0
  const disk: FolderDisk = {
    ...systemDisk,
    renameFolder: async (from, to) => {
      await systemDisk.renameFolder(from, to)
      tries += 1
      if (to === folder) return
      await assert.rejects(settleRepair(folder, systemDisk), isCode('Locked'))
    },
  }
  await repair(folder, disk)
  assert.equal(tries, 3)
  await settleRepair(folder, systemDisk)
})

test('what is written by who opened the database meanwhile is not replaced', async () => {
  const folder = await damagedTable(newFolder())
  let opens = 1
  const disk: FolderDisk = {
    ...systemDisk,
    renameFolder: async (from, to) => {
      await systemDisk.renameFolder(from, to)
      if (opens-- <= 0) return
      const engine = await openLevelEngine(folder, { create: false })
      await engine.write([{ type: 'put', key: 'z', value: 'written' }])
      await engine.close()
    },
  }
  await assert.rejects(repair(folder, disk), isCode('Locked'))
  await settleRepair(folder, systemDisk)
  const engine = await openLevelEngine(folder, { create: false })
  assert.equal(engine.get('z', 'text'), 'written')
  await engine.close()
  await repair(folder)
  const keys = await keysOf(folder)
  assertMost(keys.length)
  assert.ok(keys.includes('z') && keys.includes(keyOf(0)))
})

test('a repair that cannot be merged has changed nothing', async () => {
  const folder = await damagedTable(newFolder())
  const before = contentOf(folder)
  const disk: FolderDisk = {
    ...systemDisk,
    removeFolder: async (path) => {
      await systemDisk.removeFolder(path)
      // The drive goes on to fail, right after the first stage.
      if (path.endsWith('lost')) damageTable(join(path, '..'))
    },
  }
  await assert.rejects(repair(folder, disk), isCode('NotUsable'))
  assert.deepEqual(contentOf(folder), before)
  assert.deepEqual(readdirSync(join(folder, '..')).sort(), ['db', 'db-lock'])
  await repair(folder)
  assertMost((await keysOf(folder)).length)
})

test('a lock that is damaged itself does not hinder a repair', async () => {
  const folder = await damagedTable(newFolder())
  await repair(folder)
  damageTable(folder)
  writeFileSync(join(`${folder}-lock`, 'CURRENT'), 'nothing')
  await repair(folder)
})

const numbers: Tree<string> = { name: 'number', tag: 'n', values: 'text' }

interface HowToOpen {
  readonly acceptLoss?: boolean
  readonly disk?: FolderDisk
}

async function openAll(folder: string, how: HowToOpen = {}): Promise<{ rows: Rows; read: number }> {
  let read = 0
  const rows = await openRows({
    ...{ folder, disk: how.disk ?? systemDisk, clock: systemClock, rng: systemRng() },
    ...{ log: silentLog, acceptLoss: how.acceptLoss === true },
    readAll: (count) => (read = count),
    onFatal: (fault) => assert.fail(fault),
  })
  return { rows, read }
}

/** A node's folder with `ROWS` rows, of which some cannot be read. */
async function damagedRows(): Promise<string> {
  const folder = join(root, String((folders += 1)))
  const { rows } = await openAll(folder)
  await rows.db.write((batch) => {
    for (let row = 0; row < ROWS; row += 1) {
      batch.put(numbers, keyOf(row), randomBytes(20).toString('hex'))
    }
  })
  await rows.db.close()
  // The log becomes a table.
  await (await openAll(folder)).rows.db.close()
  damageTable(join(folder, 'db'))
  return folder
}

test('a repair without room changes nothing, the identity of the node included', async () => {
  const folder = await damagedRows()
  const identity = readFileSync(join(folder, 'identity'))
  const before = contentOf(join(folder, 'db'))
  const space = (availableBytes: number, totalBytes: number): FolderDisk => ({
    ...systemDisk,
    space: () => Promise.resolve({ availableBytes, totalBytes }),
  })
  await assert.rejects(
    openAll(folder, { acceptLoss: true, disk: space(1000, 1e9) }),
    (error: unknown) =>
      isCode('NotUsable')(error) &&
      /that takes \d{6,} bytes on its drive, which has 1000/.test(String(error)),
  )
  assert.deepEqual(readFileSync(join(folder, 'identity')), identity)
  const after = contentOf(join(folder, 'db'))
  for (const [name, content] of Object.entries(before)) {
    if (name.endsWith('.ldb')) assert.equal(after[name], content)
  }
  assert.ok(!readdirSync(folder).includes('db-repair'))
  // Where the file system does not say, the room is tried.
  const { rows } = await openAll(folder, { acceptLoss: true, disk: space(0, 0) })
  assert.match(rows.sealStatus.accepted ?? '', /its damaged files are kept in ".*db-damaged"$/)
  await rows.db.close()
})

test('a process that is killed anywhere in a repair leaves the damaged database, or a whole one', async () => {
  const base = await damagedRows()
  const killed = fileURLToPath(new URL('kill-repairer.js', import.meta.url))
  let undone = 0
  let isThrough = false
  for (let change = 1; !isThrough; change += 1) {
    assert.ok(change < 50)
    const what = `before change ${change}`
    const folder = join(root, String((folders += 1)))
    cpSync(base, folder, { recursive: true })
    const { status, signal, stderr } = spawnSync(process.execPath, [
      killed,
      ...[folder, String(change)],
    ])
    isThrough = status === 0
    assert.ok(isThrough || signal === 'SIGKILL', `${what}: ${String(stderr)}`)
    const found = await openAll(folder)
    // What lacks rows says so, but for one whose lack was accepted to the end.
    const { broken } = found.rows.sealStatus
    if (broken === undefined) assertMost(found.read)
    else undone += 1
    await found.rows.db.close()
    if (broken === undefined) continue
    const again = await openAll(folder, { acceptLoss: true })
    await again.rows.db.close()
    const last = await openAll(folder)
    assert.equal(last.rows.sealStatus.broken, undefined, what)
    assertMost(last.read)
    await last.rows.db.close()
    assert.ok(!readdirSync(folder).some((name) => /repair/.test(name)), what)
    assert.ok(statSync(join(folder, 'db-damaged')).isDirectory(), what)
  }
  assert.ok(undone >= 10, `${undone} were undone`)
})
