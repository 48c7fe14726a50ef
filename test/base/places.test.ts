import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Places } from '../../src/base/places.ts'

test('places are bounded, those of one host more tightly; each is given back once', () => {
  const places = new Places(5, 2)
  const a = [places.take('a'), places.take('a'), places.take('a')]
  assert.deepEqual(
    a.map((place) => place !== undefined),
    [true, true, false],
  )
  const b = [places.take('b'), places.take('b')]
  const c = places.take('c')
  assert.ok(b.every(Boolean) && c !== undefined)
  assert.equal(places.take('d'), undefined, 'all are taken')
  c()
  c()
  assert.ok(places.take('d') !== undefined)
  assert.equal(places.take('e'), undefined)
  a[0]!()
  a[0]!()
  assert.ok(places.take('a') !== undefined)
  assert.equal(places.take('a'), undefined)
})
