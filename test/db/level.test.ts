import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DbFault } from '../../src/db/errors.ts'
import { openLevelEngine } from '../../src/db/level.ts'
import { openLevelDb } from '../../src/db/open.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { dbConformance } from '../conformance/db.ts'

const root = mkdtempSync(join(tmpdir(), 'hangar-level-'))
after(() => rmSync(root, { recursive: true }))
const onFatal = (): void => assert.fail('a write failed')
let folders = 0
const newFolder = (): string => join(root, String((folders += 1)))

dbConformance('level', async () => {
  const folder = newFolder()
  const open = (): ReturnType<typeof openLevelDb> =>
    openLevelDb({ folder, clock: systemClock, onFatal })
  return { db: await open(), reopen: open }
})

test('openLevelEngine() makes a database only when asked to', async () => {
  const isCannotOpen = (error: unknown): boolean =>
    error instanceof DbFault && error.code === 'CannotOpen'
  await assert.rejects(openLevelEngine(newFolder(), { create: false }), isCannotOpen)
})

test('openLevelEngine() names a database that is open elsewhere', async () => {
  const folder = newFolder()
  const engine = await openLevelEngine(folder, { create: true })
  const isLocked = (error: unknown): boolean => error instanceof DbFault && error.code === 'Locked'
  await assert.rejects(openLevelEngine(folder, { create: false }), isLocked)
  await engine.close()
})

/**
 * Protocol 10. That the sync comes before the sight of it cannot be timed from here: LevelDB
 * publishes a batch's sequence number after the log's sync (`DBImpl::Write`).
 */
test('level shows a batch to readers whole, and once it was written for good', async () => {
  const engine = await openLevelEngine(newFolder(), { create: true })
  for (let round = 0; round < 50; round += 1) {
    const key = (index: number): string => `${round}.${index}`
    const operations = Array.from({ length: 100 }, (_, index) => ({
      type: 'put' as const,
      key: key(index),
      value: 'x'.repeat(100),
    }))
    let isDone = false
    const written = engine.write(operations).then(() => {
      isDone = true
    })
    // While the batch is on its way a reader sees all of it or nothing.
    while (!isDone) {
      const last = engine.get(key(99), 'text')
      const first = engine.get(key(0), 'text')
      if (last !== undefined) assert.ok(first !== undefined, 'half of a batch was seen')
      await new Promise((resolve) => setImmediate(resolve))
    }
    await written
    assert.ok(engine.get(key(0), 'text') !== undefined)
  }
  await engine.close()
})
