import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack, packedSizeMax } from '../../src/base/codec.ts'
import { inMessages, textsFit } from '../../src/base/freight.ts'
import { ROWS_PER_MESSAGE_BYTES_MAX } from '../../src/base/limits.ts'

test('inMessages() keeps the order, cuts by bytes, and sends what is too large alone', () => {
  const half = ROWS_PER_MESSAGE_BYTES_MAX / 2
  const sizes = [half, half, 1, 3 * half, 1, 1]
  const cut = inMessages(sizes, (size) => size)
  assert.deepEqual(cut, [[half, half], [1], [3 * half], [1, 1]])
  assert.deepEqual(
    inMessages([], () => 1),
    [],
  )
})

test('packedSizeMax() is never below what pack() makes, and near it', () => {
  const values = [
    null,
    true,
    -1,
    300,
    2 ** 50,
    'abc',
    'ä'.repeat(300),
    new Uint8Array(70_000),
    [1, 'two', [new Uint8Array(3)], null],
    { name: 'x', parts: [{ size: 1 }, { size: 70_000 }] },
  ]
  for (const value of values) {
    const { length } = pack(value)
    assert.ok(packedSizeMax(value) >= length)
    assert.ok(packedSizeMax(value) <= 9 * length + 4)
  }
})

test('textsFit() only where the texts fit with the longest characters', () => {
  const units = Math.floor((ROWS_PER_MESSAGE_BYTES_MAX - 5) / 3)
  assert.deepEqual(
    [textsFit(1, units), textsFit(1, units + 1), textsFit(0, 0)],
    [true, false, true],
  )
  assert.ok(pack('日'.repeat(units)).length <= ROWS_PER_MESSAGE_BYTES_MAX)
})
