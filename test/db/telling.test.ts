import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../src/base/log.ts'
import type { Engine } from '../../src/db/engine.ts'
import { DbFault } from '../../src/db/errors.ts'
import { telling } from '../../src/db/telling.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

test('telling() logs what cannot be read once a minute, and passes every failure on', async () => {
  const clock = new VirtualClock()
  const told: unknown[] = []
  const details = { folder: '/db', reason: 'damaged', mayPass: false }
  let failure: Error = new DbFault('Unreadable', 'Cannot read', { details })
  const engine: Engine = {
    get: () => {
      throw failure
    },
    range: () => Promise.reject(failure),
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const log = {
    ...silentLog,
    error: (fields: object, message: string) => told.push({ ...fields, message }),
  }
  const watched = telling(engine, { clock, log })
  const message =
    'Some rows of the database cannot be read. Look at its drive; stop the node and run `hangar recover`'
  assert.throws(() => watched.get('a', 'text'), failure)
  await assert.rejects(watched.range({ limit: 1 }, 'text'), failure)
  assert.deepEqual(told, [{ folder: '/db', reason: 'damaged', message }])
  await clock.run(60_000)
  await assert.rejects(watched.range({ limit: 1 }, 'text'), failure)
  assert.equal(told.length, 2)
  await clock.run(60_000)
  failure = new DbFault('Unreadable', 'Cannot read', { details: { ...details, mayPass: true } })
  assert.throws(() => watched.get('a', 'text'), failure)
  assert.match(JSON.stringify(told[2]), /limits of open files/)
  await clock.run(60_000)
  failure = new Error('another')
  assert.throws(() => watched.get('a', 'text'), failure)
  assert.equal(told.length, 3)
})
