import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ballot } from '../../../src/base/ballot.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { Floors, noFloor } from '../../../src/table/owner/floors.ts'

function at(layout: number, time: number): Ballot {
  return { layout, readmissions: 0, time, node: 'n' }
}

test('Floors only rise, in each order by itself, and are there after a restart', async () => {
  const db = openMemoryDb({
    clock: systemClock,
    onFatal: () => assert.fail('a write failed'),
  })
  const floors = new Floors(db)
  assert.equal(floors.of(7), noFloor)
  await db.write((batch) => {
    floors.raise(batch, 7, { ballot: at(1, 50), micros: 60 })
    floors.raise(batch, 7, { ballot: at(2, 10), micros: 20 })
    floors.raise(batch, 7, { ballot: at(1, 90), micros: 5 })
  })
  assert.deepEqual(floors.of(7), { ballot: at(2, 10), micros: 60 })
  assert.deepEqual(floors.stable(7), floors.of(7))
  assert.equal(floors.of(8), noFloor)
  assert.deepEqual([...new Floors(db).all()], [[7, floors.of(7)]])
})

test('Floors of partitions that were emptied are forgotten', async () => {
  const db = openMemoryDb({
    clock: systemClock,
    onFatal: () => assert.fail('a write failed'),
  })
  const floors = new Floors(db)
  await db.write((batch) => floors.raise(batch, 7, { ballot: at(1, 50), micros: 60 }))
  await floors.clear([6, 7])
  assert.equal(floors.of(7), noFloor)
  assert.equal(new Floors(db).all().size, 0)
})
