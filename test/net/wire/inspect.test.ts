import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pack, unpack } from '../../../src/base/codec.ts'
import { MESSAGE_DEPTH_MAX } from '../../../src/base/limits.ts'
import { faultOf } from '../../../src/net/wire/inspect.ts'

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replace(/ /g, ''), 'hex'))
}

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.integer({ min: -200, max: 70_000 }),
    fc.string({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((array) => new Uint8Array(array)),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      fc.string({ maxLength: 20 }).filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
})).value

test('faultOf() finds nothing in what pack() makes, and a fault in any part of it', () => {
  fc.assert(
    fc.property(plain, (value) => {
      const packed = pack(value)
      assert.equal(faultOf(packed), undefined)
      for (let cut = 0; cut < Math.min(packed.length, 40); cut += 1) {
        assert.notEqual(faultOf(packed.subarray(0, cut)), undefined)
      }
      assert.notEqual(faultOf(Buffer.concat([packed, Buffer.of(0xc0)])), undefined)
    }),
    { numRuns: 300 },
  )
})

test('faultOf() lets through only what unpack() takes, whatever the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (array) => {
      const random = new Uint8Array(array)
      if (faultOf(random) === undefined) assert.doesNotThrow(() => unpack(random))
    }),
    { numRuns: 20_000 },
  )
})

test('faultOf() names what makes a decoder allocate, lose or confuse (R4)', () => {
  const nested = (depth: number): Uint8Array =>
    new Uint8Array([...Array.from({ length: depth }, () => 0x91), 0xc0])
  const rows: [string, Uint8Array, RegExp | undefined][] = [
    ['array32 of 4 G', bytes('dd ffffffff 01 02 03'), /announces more/],
    ['array16 of 60,000 in 5 bytes', bytes('dc ea60 01 02'), /announces more/],
    ['map32 of 4 G', bytes('df ffffffff a161 01'), /announces more/],
    ['bin32 of 4 G', bytes('c6 ffffffff 01'), /too early/],
    ['str32 of 4 G', bytes('db ffffffff 61'), /too early/],
    ['twenty nested array32', bytes('dd 00f42400'.repeat(20)), /announces more/],
    ['nested as deep as may be', nested(MESSAGE_DEPTH_MAX), undefined],
    ['nested one deeper', nested(MESSAGE_DEPTH_MAX + 1), /nested/],
    ['nested 10,000 deep', nested(10_000), /nested/],
    ['the reserved byte', bytes('92 c1 01'), /reserved/],
    ['a fixext', bytes('d4 01 00'), /extension/],
    ['a timestamp', bytes('d6 ff 00000000'), /extension/],
    ['an ext32', bytes('c9 ffffffff 01 00'), /extension/],
    ['a key twice', bytes('82 a161 01 a161 02'), /twice/],
    ['a key twice, in two lengths of head', bytes('82 a161 01 d90161 02'), /twice/],
    ['a key in two maps', bytes('92 81 a161 01 81 a161 02'), undefined],
    ['a key that is a number', bytes('81 01 02'), /no text/],
    ['a key that is a map', bytes('81 80 02'), /no text/],
    ['NaN', bytes('cb 7ff8000000000000'), /number/],
    ['minus zero', bytes('cb 8000000000000000'), /number/],
    ['infinity as a float32', bytes('ca 7f800000'), /number/],
    ['a half', bytes('ca 3f000000'), undefined],
    ['2^64 - 1', bytes('cf ffffffffffffffff'), /too large/],
    ['2^53', bytes('cf 0020000000000000'), /too large/],
    ['2^53 - 1', bytes('cf 001fffffffffffff'), undefined],
    ['-2^63', bytes('d3 8000000000000000'), /too large/],
    ['bytes after it', bytes('01 02'), /follow/],
    ['nothing', bytes(''), /announces more/],
  ]
  for (const [name, input, fault] of rows) {
    const found = faultOf(input)
    if (fault === undefined) assert.equal(found, undefined, name)
    else assert.match(found ?? 'nothing', fault, name)
  }
})
