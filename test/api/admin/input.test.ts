import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  count,
  either,
  fields,
  flag,
  list,
  nothing,
  nullable,
  omittable,
  oneOf,
  optional,
  record,
  text,
} from '../../../src/api/admin/input.ts'

const shape = fields({ name: optional(text), inner: fields({ on: flag }) })

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

test('what may be absent, null or both is told apart', () => {
  const read = fields({ a: optional(count), b: omittable(count), c: nullable(count) })
  assert.deepEqual(read({ a: null, c: null }, '', []), { a: undefined, b: undefined, c: null })
  assert.throws(() => read({ b: null, c: 1 }, '', []), /"b": null/)
  assert.throws(() => read({}, '', []), /"c": nothing/)
  assert.deepEqual(read.schema['required'], ['c'])
})

test('either takes the first shape that reads a value whole', () => {
  const read = either(fields({ error: text }), fields({ message: list(text) }))
  assert.deepEqual(read({ message: ['a'] }, '', []), { message: ['a'] })
  assert.throws(() => read({ message: 1 }, '', []), /"message": 1, wanted a list/)
})

test('record, oneOf and nothing read what they say', () => {
  const read = record(either(oneOf('busy', 'idle'), nothing))
  assert.deepEqual(read({ a: 'busy', b: null }, '', []), { a: 'busy', b: null })
  assert.throws(() => read({ a: 'other' }, '', []), /"a": "other", wanted null/)
  assert.throws(() => read([], '', []), /wanted an object/)
})
