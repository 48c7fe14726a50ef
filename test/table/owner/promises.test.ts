import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ballot } from '../../../src/base/ballot.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { Promises } from '../../../src/table/owner/promises.ts'
import { rules } from '../../../src/table/rules.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

function ballot(time: number): Ballot {
  return { layout: 0, readmissions: 0, time, node: 'n' }
}

function begin(openMax = 10): {
  clock: VirtualClock
  promises: Promises
  write: (fill: Parameters<ReturnType<typeof openMemoryDb>['write']>[0]) => void
  /** From then on nothing is written. */
  close: () => Promise<void>
} {
  const clock = new VirtualClock()
  const db = openMemoryDb({ clock, onFatal: () => assert.fail('a write failed') })
  const limits = { ageMs: 60_000, openMax }
  const promises = new Promises({ db, clock, rules, limits })
  return { clock, promises, write: (fill) => void db.write(fill), close: () => db.close() }
}

test('Promises older than a minute leave memory by themselves and still bind', async () => {
  const { clock, promises } = begin()
  promises.set('r', ballot(7))
  await clock.run(20_000)
  promises.set('s', ballot(8))
  await clock.run(39_000)
  assert.equal(promises.openCount, 2)
  await clock.run(1_000)
  assert.equal(promises.openCount, 1)
  await clock.run(20_000)
  assert.equal(promises.openCount, 0)
  assert.deepEqual(promises.get('r'), ballot(7))
  assert.deepEqual(promises.get('s'), ballot(8))
})

test('Promises that are stopped leave memory no more', async () => {
  const { clock, promises } = begin()
  promises.set('r', ballot(7))
  promises.stop()
  promises.set('s', ballot(8))
  await clock.run(200_000)
  assert.equal(promises.openCount, 2)
})

test('Promises beyond the bound leave memory, the oldest first, and still bind', () => {
  const { promises } = begin(10)
  for (let index = 0; index < 11; index += 1) promises.set(`r${index}`, ballot(index))
  assert.equal(promises.openCount, 9)
  for (let index = 0; index < 11; index += 1) {
    assert.deepEqual(promises.get(`r${index}`), ballot(index))
  }
})

test('Promises that cannot be written down go on binding', async () => {
  const { clock, promises, close } = begin()
  await close()
  promises.set('r', ballot(7))
  promises.set('s', ballot(8))
  await clock.run(60_000)
  promises.retire()
  promises.set('s', ballot(9))
  await clock.run(1)
  assert.deepEqual(promises.get('r'), ballot(7))
  assert.deepEqual(promises.get('s'), ballot(9))
})

test('Promises that a row passed are gone, written or not', async () => {
  const { clock, promises, write } = begin()
  promises.set('r', ballot(7))
  await clock.run(60_000)
  promises.retire()
  promises.set('r', ballot(8))
  write((batch) => promises.passed(batch, 'r'))
  promises.forget('r')
  assert.equal(promises.get('r'), undefined)
})

test('start() clears written promises that the mark covers, and keeps the others', async () => {
  const { clock, promises } = begin()
  promises.write('below', ballot(5)).catch(() => undefined)
  promises.write('above', ballot(9)).catch(() => undefined)
  await clock.run(1)
  const started = promises.start(ballot(7))
  await clock.run(1)
  await started
  assert.equal(promises.get('below'), undefined)
  assert.deepEqual(promises.get('above'), ballot(9))
})
