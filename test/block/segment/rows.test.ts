import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hexOf } from '../../../src/base/bytes.ts'
import {
  decodeLocation,
  decodeSegment,
  encodeLocation,
  encodeSegment,
  parseSegmentKey,
  sameLocation,
  segmentKey,
} from '../../../src/block/segment/rows.ts'

const location = {
  drive: 2,
  segment: 70_000,
  generation: 5,
  sequence: 300,
  offset: 4096 * 60_000,
  length: 1_048_576,
}

test('decodeLocation reads what encodeLocation wrote, and the sample of format 1', () => {
  const bytes = encodeLocation(location)
  assert.deepEqual(decodeLocation(bytes), location)
  assert.equal(hexOf(bytes), '01027011010005000000' + '2c010000' + '60ea0000' + '00001000')
})

test('decodeLocation and decodeSegment refuse another format', () => {
  const newer = encodeLocation(location)
  newer[0] = 2
  assert.throws(() => decodeLocation(newer), /format 2/)
  assert.throws(() => decodeLocation(new Uint8Array(3)), TypeError)
  assert.throws(() => decodeSegment(new Uint8Array(18).fill(9)), TypeError)
})

test('decodeSegment reads what encodeSegment wrote, and the sample of format 1', () => {
  const row = {
    state: 'sealed',
    generation: 3,
    sequence: 255,
    endBytes: 4096 * 100,
    liveBytes: 4096 * 7,
  } as const
  const bytes = encodeSegment(row)
  assert.deepEqual(decodeSegment(bytes), row)
  assert.equal(hexOf(bytes), '0101' + '03000000' + 'ff000000' + '64000000' + '07000000')
})

test('segmentKey sorts by drive, then segment', () => {
  assert.deepEqual(parseSegmentKey(segmentKey(63, 4_000_000_000)), {
    drive: 63,
    segment: 4_000_000_000,
  })
  const keys = [segmentKey(0, 9), segmentKey(0, 300), segmentKey(1, 2), segmentKey(16, 1)]
  assert.deepEqual([...keys].sort(), keys)
})

test('sameLocation tells generations apart', () => {
  assert.equal(sameLocation(location, { ...location }), true)
  assert.equal(sameLocation(location, { ...location, generation: 6 }), false)
  assert.equal(sameLocation(location, { ...location, offset: 0 }), false)
})
