import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  readFaults,
  readNoted,
  readStart,
  readStatus,
  sealed,
} from '../../../../src/node/cluster/check/messages.ts'

const ID = '0123456789abcdef'
const NODE = 'ab'.repeat(32)

test('messages about a check are read as they were sent', () => {
  const start = { id: ID, checkers: [NODE], reads: true }
  assert.deepEqual(readStart(sealed(start)), start)
  assert.deepEqual(readStatus(sealed({ id: ID })), { id: ID })
  assert.deepEqual(readFaults(sealed({ id: ID, from: 100 })), { id: ID, from: 100 })
  assert.deepEqual(readNoted(sealed({ noteKeys: ['*'] })), { noteKeys: ['*'] })
})

const hostile: readonly unknown[] = [
  ...[null, undefined, 7, 'text', [], {}, { format: 2, id: ID }, { format: 1 }],
  sealed({ id: 7, from: -1, checkers: [NODE], noteKeys: [7] }),
  sealed({ id: 'x'.repeat(1e6), from: 0.5, checkers: NODE, noteKeys: 'x' }),
  sealed({ id: [ID], from: '0', checkers: ['not a node'], noteKeys: new Array(2000).fill('x') }),
  sealed({ id: ID.toUpperCase(), from: Number.NaN, checkers: [[NODE]], noteKeys: null }),
]

test('a message about a check that is none is refused by one code, whatever it is', () => {
  for (const raw of hostile) {
    for (const read of [readStart, readStatus, readFaults, readNoted]) {
      assert.throws(() => read(raw), { code: 'BadMessage' })
    }
  }
})
