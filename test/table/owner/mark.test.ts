import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryDb } from '../../../src/db/open.ts'
import { Mark, readMark } from '../../../src/table/owner/mark.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const START = 1_790_000_000_000_000

function ballot(time: number, layout = 0): Parameters<Mark['cover']>[0] {
  return { layout, readmissions: 0, time, node: 'n' }
}

function begin(): { clock: VirtualClock; mark: Mark; onDisk: () => number } {
  const clock = new VirtualClock(START)
  const onFatal = (): void => assert.fail('a write failed')
  const db = openMemoryDb({ clock, onFatal })
  return { clock, mark: new Mark(db, clock), onDisk: () => readMark(db).time }
}

test('Mark is raised before a ballot above it is answered, two seconds ahead', async () => {
  const { clock, mark, onDisk } = begin()
  const covered = mark.cover(ballot(START))
  assert.notEqual(covered, undefined)
  await clock.run(1)
  await covered
  assert.equal(onDisk(), START + 2_000_000)
  assert.equal(mark.cover(ballot(START + 900_000)), undefined)
})

test('Mark lies a tenth of a second above a ballot that is ahead of the wall clock', async () => {
  const { clock, mark, onDisk } = begin()
  const covered = mark.cover(ballot(START + 10_000_000))
  await clock.run(1)
  await covered
  assert.equal(onDisk(), START + 10_100_000)
})

test('Mark covers no ballot of a later epoch, however early its time', async () => {
  const { clock, mark } = begin()
  const covered = mark.cover(ballot(START))
  await clock.run(1)
  await covered
  assert.notEqual(mark.cover(ballot(START - 1_000_000, 1)), undefined)
})

test('lower() leaves the highest ballot seen', async () => {
  const { clock, mark, onDisk } = begin()
  for (const time of [START + 5, START + 3]) mark.cover(ballot(time))?.catch(() => undefined)
  await clock.run(1)
  const lowered = mark.lower()
  await clock.run(1)
  await lowered
  assert.equal(onDisk(), START + 5)
})
