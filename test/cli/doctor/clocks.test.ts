import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockCount, clockFindings } from '../../../src/cli/doctor/clocks.ts'
import type { ClockFinding } from '../../../src/cli/doctor/clocks.ts'

/** Nodes by how far each is ahead of the one that was asked; undefined: it does not say. */
const apart = (...ahead: readonly (number | undefined)[]): ClockFinding[] =>
  clockFindings(nodesOf(ahead))

const nodesOf = (ahead: readonly (number | undefined)[]): Parameters<typeof clockFindings>[0] =>
  ahead.map((clockAheadMs, index) => ({
    ...{ id: String(index).repeat(64), hostname: index === 1 ? 'attic' : null },
    ...{ garageVersion: null, addr: null, isUp: true, lastSeenSecsAgo: null },
    ...{ role: null, draining: false },
    ...(clockAheadMs === undefined ? {} : { clockAheadMs }),
  }))

test('clocks that agree within three seconds are not told of, nor what no one can compare', () => {
  assert.deepEqual(apart(0, 2900, -50), [])
  assert.deepEqual(apart(0), [])
  assert.deepEqual(apart(0, undefined, undefined), [])
  assert.equal(clockCount(nodesOf([0, undefined, 5])), 2)
})

test('of three clocks the one that is apart from the others is told of, with what mends it', () => {
  const [behind, ...none] = apart(0, -30_000, 40)
  assert.deepEqual(none, [])
  assert.equal(behind!.sentence, 'the clock of 1111111111111111 (attic) is 30 s behind the others')
  assert.match(behind!.mend, /^There: `timedatectl set-ntp true`/)
  assert.equal(behind!.isRefused, false)
  const [ahead] = apart(0, 0, 61_001)
  assert.match(ahead!.sentence, /^the clock of 2{16} is 62 s ahead of the others$/)
  assert.match(ahead!.mend, /stop the node, .*, start it after 62 s or more$/)
  assert.equal(ahead!.isRefused, true)
})

test('the wrong one may be the one that was asked', () => {
  const found = apart(0, 45_000, 45_010)
  assert.deepEqual(
    found.map(({ sentence }) => sentence),
    ['the clock of 0000000000000000 is 45 s behind the others'],
  )
})

test('of two clocks nobody says which is right', () => {
  const [one, ...none] = apart(0, 10_000)
  assert.deepEqual(none, [])
  assert.match(
    one!.sentence,
    /1{16} \(attic\) is 10 s ahead of that of 0{16}: one of them is wrong$/,
  )
  assert.match(one!.mend, /date -u/)
})
