/** What orders things: ballots, hybrid time, bytes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ballotOf,
  ballotText,
  ballotZero,
  compareBallots,
  maxBallot,
  parseBallot,
  type Ballot,
} from '../../src/base/ballot.ts'
import { compareUtf8, fromBase64, fromHex, hexOf, utf8 } from '../../src/base/bytes.ts'
import type { Clock } from '../../src/base/clock.ts'
import { nodeId } from '../../src/base/ids.ts'
import { CLOCK_ALARM_MICROS, CLOCK_REFUSAL_MICROS, HybridClock } from '../../src/base/timestamp.ts'

const ballots: fc.Arbitrary<Ballot> = fc.record({
  layout: fc.nat(3),
  readmissions: fc.nat(3),
  time: fc.oneof(fc.nat(3), fc.maxSafeNat()),
  node: fc.constantFrom('0a', '0b', 'ff'),
})

test('compareBallots() orders by epoch, then time, then node', () => {
  const at = (layout: number, readmissions: number, time: number, node: string): Ballot => ({
    layout,
    readmissions,
    time,
    node,
  })
  const ascending = [
    ballotZero,
    at(0, 0, 9, 'b'),
    at(0, 0, 10, 'a'),
    at(0, 0, 10, 'b'),
    at(0, 1, 1, 'a'),
    at(1, 0, 1, 'a'),
  ]
  const shuffled = [3, 0, 5, 1, 4, 2].map((index) => ascending[index]!)
  assert.deepEqual(shuffled.sort(compareBallots), ascending)
})

test('compareBallots() is a total order and maxBallot() agrees with it', () => {
  fc.assert(
    fc.property(ballots, ballots, ballots, (a, b, c) => {
      // Not `-sign`: the minus of 0 is another number than 0.
      assert.equal(Math.sign(compareBallots(a, b)), 0 - Math.sign(compareBallots(b, a)))
      if (compareBallots(a, b) <= 0 && compareBallots(b, c) <= 0) {
        assert.ok(compareBallots(a, c) <= 0)
      }
      assert.ok(compareBallots(maxBallot(a, b), a) >= 0)
      assert.ok(compareBallots(maxBallot(a, b), b) >= 0)
    }),
  )
})

test('parseBallot() gives back what ballotText() was given, and refuses all else', () => {
  fc.assert(
    fc.property(ballots, (ballot) => {
      assert.deepEqual(parseBallot(ballotText(ballot)), { ...ballot })
    }),
  )
  for (const text of ['', '1.2.3', '1.2.x.ab', '1.2.3.ab.5', `1.2.${2 ** 60}.ab`]) {
    assert.throws(() => parseBallot(text), TypeError, text)
  }
})

test('ballotOf() keeps enough of the node id to part two nodes', () => {
  const ids = ['a'.repeat(64), `${'a'.repeat(15)}b${'a'.repeat(48)}`].map(nodeId)
  const [one, two] = ids.map((id) => ballotOf({ layout: 1, readmissions: 0 }, 5, id))
  assert.notEqual(compareBallots(one!, two!), 0)
})

/** A clock whose wall and monotonic readings are set by hand. */
function handClock(): Clock & { wall: number; monotonic: number } {
  return {
    wall: 1_000_000,
    monotonic: 0,
    wallMicros() {
      return this.wall
    },
    monotonicMicros() {
      return this.monotonic
    },
    after: () => () => undefined,
    soon: () => undefined,
  }
}

test('HybridClock never repeats and never goes back, whatever the wall clock does', () => {
  const clock = handClock()
  const hybrid = new HybridClock(clock, 0)
  let last = hybrid.next()
  for (const wall of [1_000_000, 900_000, 2_000_000, 10, 2_000_001]) {
    clock.wall = wall
    const reading = hybrid.next()
    assert.ok(reading > last, `${reading} after ${last} at ${wall}`)
    last = reading
  }
})

test('HybridClock goes on with the monotonic clock when the wall clock was set back', () => {
  const clock = handClock()
  const hybrid = new HybridClock(clock, 0)
  const before = hybrid.next()
  clock.wall = 0
  clock.monotonic = 3_000_000
  assert.ok(hybrid.next() >= before + 3_000_000 - 1)
})

test('HybridClock starts above the mark that it is given', () => {
  assert.ok(new HybridClock(handClock(), 5_000_000).next() > 5_000_000)
})

test('HybridClock.observe() follows a little, alarms beyond 5 s, refuses beyond 60 s', () => {
  const hybrid = new HybridClock(handClock(), 0)
  const now = hybrid.now()
  assert.equal(hybrid.observe(now + 1000), 'fine')
  assert.ok(hybrid.next() > now + 1000)
  assert.equal(hybrid.observe(hybrid.now() + CLOCK_ALARM_MICROS + 1), 'alarm')
  const alarmed = hybrid.now()
  assert.ok(alarmed > now + CLOCK_ALARM_MICROS)
  assert.equal(hybrid.observe(alarmed + CLOCK_REFUSAL_MICROS + 1), 'refused')
  assert.equal(hybrid.now(), alarmed)
})

test('compareUtf8() orders texts as their UTF-8 bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const byBytes = Buffer.compare(utf8(a), utf8(b))
      assert.equal(Math.sign(compareUtf8(a, b)), byBytes)
    }),
  )
  // UTF-16 puts a surrogate pair before U+FF5E; UTF-8 does not.
  assert.ok(compareUtf8('\uff5e', '😀') < 0)
})

test('fromHex() and fromBase64() take only what they would write', () => {
  assert.equal(hexOf(fromHex('00ffA1')!), '00ffa1')
  for (const text of ['0', '0g', ' 00', '0x00']) assert.equal(fromHex(text), undefined, text)
  assert.deepEqual([...fromBase64('AAE=')!], [0, 1])
  for (const text of ['AAE', 'AAF=', 'AA-_', ' AAE=', '====']) {
    assert.equal(fromBase64(text), undefined, text)
  }
})
