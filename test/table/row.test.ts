import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, hexOf } from '../../src/base/bytes.ts'
import {
  indexText,
  lineOf,
  packMerged,
  packRegister,
  packSide,
  unpackMerged,
  unpackRegister,
  unpackSide,
  type RegisterRow,
} from '../../src/table/row.ts'

const row: RegisterRow = {
  ballot: { layout: 2, readmissions: 1, time: 1_790_000_000_000_000, node: 'ab' },
  operations: [['op', 1_790_000_000_000_000, 1, 0, 'answer']],
  sides: [['upload', 'u1', 0]],
  version: 1,
  value: ['text', 7],
}
/** As format 1 stands on disks. */
const stored =
  '99010201cf00065bfeda25e000a261629195a26f70cf00065bfeda25e0000100a6616e73776572' +
  '9193a675706c6f6164a27531000192a47465787407'

test('register rows of format 1 read as they were written', () => {
  assert.equal(hexOf(packRegister(row)), stored)
  assert.deepEqual(unpackRegister(fromHex(stored)!), row)
})

test('rows of a later format are refused', () => {
  const later = fromHex(stored.replace('9901', '9902'))!
  assert.throws(() => unpackRegister(later), /its format is 2/)
  assert.throws(() => unpackSide(fromHex('920201')!), /its format is 2/)
  assert.throws(() => unpackMerged(fromHex('93020101')!), /its format is 2/)
})

test('side rows and merged rows read as they were written', () => {
  assert.deepEqual(unpackSide(packSide({ a: 1 })), { a: 1 })
  assert.deepEqual(unpackMerged(packMerged(3, ['x'])), { version: 3, row: ['x'] })
})

test('lineOf() cuts the ballot off, and knows a tombstone', () => {
  assert.equal(lineOf(indexText('a b', row.ballot)), 'a b')
  assert.equal(lineOf(indexText('', row.ballot)), '')
  assert.equal(lineOf(indexText(undefined, row.ballot)), undefined)
})
