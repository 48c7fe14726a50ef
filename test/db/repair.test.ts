import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Level } from 'level'
import { DbFault } from '../../src/db/errors.ts'
import { openLevelEngine } from '../../src/db/level.ts'
import { mergeTables, repairFiles, whileUnused } from '../../src/db/repair.ts'
import { systemDisk } from '../../src/node/system/disk.ts'
import { damagedTable, ROWS } from './damage.ts'

const root = mkdtempSync(join(tmpdir(), 'hangar-repair-'))
after(() => rmSync(root, { recursive: true }))
let folders = 0
const newFolder = (): string => join(root, String((folders += 1)))

test('a repair keeps what can be read, and merges what a read would not find in its order', async () => {
  const folder = await damagedTable(newFolder())
  await whileUnused(folder, async () => {
    await repairFiles(folder, systemDisk)
    await mergeTables(folder)
  })
  const level = new Level(folder) as Level & { getProperty(name: string): string }
  await level.open()
  assert.equal(level.getProperty('leveldb.num-files-at-level0'), '0')
  const keys = await level.keys().all()
  assert.ok(keys.length > ROWS - 1000 && keys.length < ROWS, `${keys.length} rows`)
  await level.close()
})

test('while a database is repaired nobody else may open or repair it, nor repair one that is open', async () => {
  const folder = newFolder()
  const isLocked = (error: unknown): boolean => error instanceof DbFault && error.code === 'Locked'
  const engine = await openLevelEngine(folder, { create: true })
  const never = (): Promise<void> => assert.fail('it is open')
  await assert.rejects(whileUnused(folder, never), isLocked)
  await engine.close()
  await whileUnused(folder, () => assert.rejects(whileUnused(folder, never), isLocked))
  assert.equal(await whileUnused(folder, () => Promise.resolve(7)), 7)
})

test('a repair without room for both stages changes nothing', async () => {
  const folder = await damagedTable(newFolder())
  const files = (): unknown =>
    readdirSync(folder).map((name) => [name, statSync(join(folder, name)).size])
  const before = files()
  const full = {
    ...systemDisk,
    space: () => Promise.resolve({ availableBytes: 1000, totalBytes: 1e9 }),
  }
  await assert.rejects(
    repairFiles(folder, full),
    /that takes \d{4,} bytes on its drive, which has 1000/,
  )
  assert.deepEqual(files(), before)
})
