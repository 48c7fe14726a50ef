import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, joinedBytesOf, StampedStream } from './content.ts'

const MIB = 1024 * 1024

test('bytesOf gives the same bytes for the same content and others for another seed', () => {
  const body = bytesOf({ seed: 1, size: 3 * MIB + 7 })
  assert.equal(body.length, 3 * MIB + 7)
  assert.ok(body.equals(bytesOf({ seed: 1, size: 3 * MIB + 7 })))
  assert.ok(body.subarray(0, 100).equals(bytesOf({ seed: 1, size: 100 })))
  assert.ok(!bytesOf({ seed: 2, size: 100 }).equals(body.subarray(0, 100)))
  assert.ok(!body.subarray(0, MIB).equals(body.subarray(MIB, 2 * MIB)))
})

test('joinedBytesOf puts one content behind the other', () => {
  const first = { seed: 1, size: 10 }
  const second = { seed: 2, size: 0 }
  const third = { seed: 3, size: 5 }
  const joined = joinedBytesOf([first, second, third])
  assert.ok(joined.equals(Buffer.concat([bytesOf(first), bytesOf(third)])))
})

test('StampedStream matches its own blocks at any cut and nothing else', () => {
  const stream = new StampedStream(4)
  const whole = Buffer.concat([stream.block(0), stream.block(1), stream.block(2)])
  assert.ok(!whole.subarray(0, MIB).equals(whole.subarray(MIB, 2 * MIB)))
  assert.ok(stream.matches(whole.subarray(MIB - 5, 2 * MIB + 9), MIB - 5))
  assert.ok(!stream.matches(whole.subarray(MIB - 5, 2 * MIB + 9), MIB - 4))
  assert.ok(!new StampedStream(5).matches(whole.subarray(0, 100), 0))
  whole[2 * MIB + 77] = (whole[2 * MIB + 77] ?? 0) ^ 1
  assert.ok(!stream.matches(whole.subarray(2 * MIB, 2 * MIB + 100), 2 * MIB))
})
