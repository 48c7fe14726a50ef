import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionFault } from '../../../src/base/assert.ts'
import {
  parseSegmentFileName,
  Segment,
  segmentFileName,
} from '../../../src/block/segment/segment.ts'

const empty = { generation: 4, sequence: 0, endBytes: 0, liveBytes: 0 } as const

test('segmentFileName and parseSegmentFileName agree', () => {
  assert.equal(parseSegmentFileName(segmentFileName(0xabcdef)), 0xabcdef)
  assert.equal(parseSegmentFileName('hangar-blocks'), undefined)
  assert.equal(parseSegmentFileName('00000001.segment.new'), undefined)
})

test('setVerified keeps a bit for each record', () => {
  const segment = new Segment(0, 1, { ...empty, state: 'open' })
  segment.setVerified(5000, true)
  segment.setVerified(3, true)
  segment.setVerified(3, false)
  assert.equal(segment.isVerified(5000), true)
  assert.equal(segment.isVerified(5001), false)
  assert.equal(segment.isVerified(3), false)
  assert.equal(segment.isVerified(1_000_000), false)
})

test('idle resolves only after the last reader has let go', async () => {
  const segment = new Segment(0, 1, { ...empty, state: 'sealed' })
  const first = segment.hold()
  const second = segment.hold()
  let isIdle = false
  const waiting = segment.idle().then(() => {
    isIdle = true
  })
  first()
  first()
  await Promise.resolve()
  assert.equal(segment.readers, 1)
  assert.equal(isIdle, false)
  second()
  await waiting
  assert.equal(isIdle, true)
})

test('recycle begins a new generation, and never under a reader', () => {
  const segment = new Segment(0, 1, { ...empty, state: 'free' })
  segment.setVerified(0, true)
  const release = segment.hold()
  assert.throws(() => segment.recycle(), AssertionFault)
  release()
  segment.recycle()
  assert.equal(segment.generation, 5)
  assert.equal(segment.isVerified(0), false)
  assert.throws(() => segment.recycle(), AssertionFault)
})

test('reserve takes allocated space only', () => {
  const segment = new Segment(0, 1, { ...empty, state: 'open' })
  assert.throws(() => segment.reserve(8192), AssertionFault)
  segment.allocatedBytes = 16_384
  assert.deepEqual(segment.reserve(8192), { offset: 0, sequence: 0 })
  assert.deepEqual(segment.reserve(8192), { offset: 8192, sequence: 1 })
})
