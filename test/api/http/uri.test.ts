import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePercent, encodePath, encodeUri } from '../../../src/api/http/uri.ts'

test('encodeUri leaves only the unreserved characters', () => {
  assert.equal(encodeUri("aZ09-._~ /!'()*+&=%é"), 'aZ09-._~%20%2F%21%27%28%29%2A%2B%26%3D%25%C3%A9')
  assert.equal(encodePath("/a b/(c)*'!"), '/a%20b/%28c%29%2A%27%21')
})

test('decodePercent is the inverse of encodeUri and encodePath', () => {
  const text = fc.string({ unit: 'grapheme' }).filter((part) => !part.includes('\0'))
  fc.assert(
    fc.property(text, (plain) => {
      assert.equal(decodePercent(encodeUri(plain)), plain)
      assert.equal(decodePercent(encodePath(plain)), plain)
    }),
  )
})
