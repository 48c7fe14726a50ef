import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HttpError } from '../../../src/api/http/errors.ts'
import { canonicalQuery, parseQuery, splitTarget } from '../../../src/api/http/query.ts'

test('splitTarget parts at the first question mark', () => {
  assert.deepEqual(splitTarget('/a?b?c'), { path: '/a', query: 'b?c' })
  assert.deepEqual(splitTarget('/a'), { path: '/a', query: '' })
})

test('parseQuery keeps order and decodes once', () => {
  assert.deepEqual(
    [...parseQuery('uploads&prefix=a%2Bb+c&x=%25%32%35&y==&')],
    [
      ['uploads', ''],
      ['prefix', 'a+b c'],
      ['x', '%25'],
      ['y', '='],
    ],
  )
  assert.equal(parseQuery('__proto__=1').get('__proto__'), '1')
})

test('parseQuery says the same of a query whatever was read before it', () => {
  const texts = ['', 'a=1', 'a=1&b=2', 'a=1&a=1', '', 'a=2', 'a=1']
  const read = (text: string): unknown => {
    try {
      return [...parseQuery(text)]
    } catch (error) {
      return (error as HttpError).code
    }
  }
  const expected = [
    [],
    [['a', '1']],
    [
      ['a', '1'],
      ['b', '2'],
    ],
    'InvalidArgument',
    [],
    [['a', '2']],
    [['a', '1']],
  ]
  assert.deepEqual(texts.map(read), expected)
  assert.deepEqual(
    texts.flatMap((text) => [read(text), read(text)]),
    expected.flatMap((one) => [one, one]),
  )
})

test('parseQuery refuses broken codes and a parameter twice (S27)', () => {
  const rows = [
    ['a=%zz', 'InvalidURI'],
    ['%ff=1', 'InvalidURI'],
    ['a=%00', 'InvalidURI'],
    ['uploadId=1&uploadId=1', 'InvalidArgument'],
    ['a=1&%61=2', 'InvalidArgument'],
  ]
  for (const [text, code] of rows) {
    assert.throws(
      () => parseQuery(text ?? ''),
      (error) => error instanceof HttpError && error.code === code,
      text,
    )
  }
})

test('canonicalQuery is sorted, encoded and read back as the same', () => {
  assert.equal(canonicalQuery(parseQuery('b=2&a=%7e/&A=x&Z')), 'A=x&Z=&a=~%2F&b=2')
  assert.equal(canonicalQuery(parseQuery('b=2&a=1'), 'b'), 'a=1')
  const text = fc.string({ unit: 'grapheme' }).filter((part) => !part.includes('\0'))
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name }), (pairs) => {
      const query = new Map(pairs.filter(([name]) => name !== ''))
      const read = parseQuery(canonicalQuery(query))
      assert.deepEqual(new Map(read), query)
    }),
  )
})

test('parseQuery throws nothing but its own errors', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[%0-9a-fA-F&=+?!-~]*$/), (text) => {
      try {
        canonicalQuery(parseQuery(text))
      } catch (error) {
        assert.ok(error instanceof HttpError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
