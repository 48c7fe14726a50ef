import assert from 'node:assert/strict'
import { test } from 'node:test'
import { raiseMark, readMark } from '../../src/db/mark.ts'
import { openMemoryDb } from '../../src/db/open.ts'
import { systemClock } from '../../src/node/system/clock.ts'

test('raiseMark() only ever raises what readMark() gives', async () => {
  const db = openMemoryDb({ clock: systemClock, onFatal: () => assert.fail('a write failed') })
  assert.equal(readMark(db), 0)
  await db.write((batch) => raiseMark(batch, 1_790_000_000_000_001))
  await db.write((batch) => raiseMark(batch, 5))
  assert.equal(readMark(db), 1_790_000_000_000_001)
})
