import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fields, flag, notYet, optional, text } from '../../../src/api/admin/input.ts'

const shape = fields({ name: optional(text), inner: fields({ on: flag }), later: notYet(false) })

test('fields names the place of what is misshapen', () => {
  const read = (value: unknown) => shape(value, '', [])
  assert.throws(() => read({ inner: { on: 1 } }), /"inner.on": 1, wanted true or false/)
  assert.throws(() => read({}), /"inner": nothing, wanted an object/)
  assert.throws(() => read('x'), /the body: "x", wanted an object/)
})

test('fields notes what nobody declared, at every depth', () => {
  const unknown: string[] = []
  shape({ x: 1, inner: { on: true, y: 2 } }, '', unknown)
  assert.deepEqual(unknown, ['x', 'inner.y'])
})

test('notYet passes what asks for nothing', () => {
  for (const later of [undefined, null, false]) shape({ inner: { on: true }, later }, '', [])
  assert.throws(() => shape({ inner: { on: true }, later: true }, '', []), /not implemented yet/)
})
