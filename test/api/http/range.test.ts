import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { contentRange, parseRange } from '../../../src/api/http/range.ts'

test('parseRange reads one range and ignores what S3 ignores (X11)', () => {
  const rows: [string | undefined, number, ReturnType<typeof parseRange>][] = [
    [undefined, 10, 'whole'],
    ['bytes=0-3', 10, { start: 0, end: 3 }],
    ['BYTES=0-3', 10, { start: 0, end: 3 }],
    ['bytes=3-', 10, { start: 3, end: 9 }],
    ['bytes=-3', 10, { start: 7, end: 9 }],
    ['bytes=-30', 10, { start: 0, end: 9 }],
    ['bytes=0-99', 10, { start: 0, end: 9 }],
    ['bytes=9-9', 10, { start: 9, end: 9 }],
    ['bytes=0-18446744073709551615', 10, { start: 0, end: 9 }],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=9223372036854775808-', 10, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-0', 0, 'unsatisfiable'],
    ['bytes=-5', 0, 'unsatisfiable'],
    ['bytes=9-0', 10, 'whole'],
    ['bytes=a-b', 10, 'whole'],
    ['bytes=-', 10, 'whole'],
    ['bytes=0-1,3-4', 10, 'whole'],
    ['lines=0-1', 10, 'whole'],
    ['', 10, 'whole'],
  ]
  for (const [header, size, wanted] of rows) {
    assert.deepEqual(parseRange(header, size), wanted, `${header} of ${size}`)
  }
})

test('parseRange never leaves the body', () => {
  const text = fc.oneof(
    fc.string(),
    fc.tuple(fc.bigInt(), fc.bigInt()).map(([a, b]) => `bytes=${a}-${b}`),
  )
  fc.assert(
    fc.property(text, fc.nat(1000), (header, size) => {
      const range = parseRange(header, size)
      if (typeof range === 'string') return
      assert.ok(0 <= range.start && range.start <= range.end && range.end < size)
    }),
    { numRuns: 1000 },
  )
})

test('contentRange names first, last and size', () => {
  assert.equal(contentRange({ start: 0, end: 3 }, 10), 'bytes 0-3/10')
})
