import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { PIECE_BYTES_MAX } from '../../../src/base/limits.ts'
import { decodeFrames, encodeFrame, openMessage, type Frame } from '../../../src/net/wire/frame.ts'

const payload = Uint8Array.of(1, 2, 3)

const all: readonly Frame[] = [
  { kind: 'hello', payload },
  { kind: 'refused', name: 'WrongSecret', sentence: 'why' },
  { kind: 'ready' },
  { kind: 'call', id: 1, endpoint: 'table/promise', total: 9, payload },
  { kind: 'more', id: 2 ** 40, isAnswer: true, payload },
  { kind: 'answer', id: 3, total: 3, payload },
  { kind: 'error', id: 4, payload },
  { kind: 'beat', id: 5 },
  { kind: 'echo', id: 6 },
  { kind: 'parcel', id: 7, endpoint: 'block/put', length: 8, room: 9, isBackground: true, payload },
  { kind: 'room', id: 8 },
  { kind: 'piece', id: 9, isAnswer: false, payload },
  { kind: 'delivered', id: 10, length: 0, payload },
  { kind: 'cancel', id: 11 },
]

function messageOf(header: unknown, body = new Uint8Array(0), announced = body.length): Uint8Array {
  const packed = encode(header)
  const prefix = Buffer.alloc(6)
  prefix.writeUInt16BE(packed.length, 0)
  prefix.writeUInt32BE(announced, 2)
  return new Uint8Array(Buffer.concat([prefix, packed, body]))
}

test('every kind of frame is what it was, alone and with the others in one message', () => {
  for (const frame of all) {
    const message = new Uint8Array(Buffer.concat(encodeFrame(frame)))
    assert.deepEqual([...decodeFrames(message)], [frame])
  }
  const together = new Uint8Array(Buffer.concat(all.flatMap(encodeFrame)))
  assert.deepEqual([...decodeFrames(together)], all)
})

test('a header that is longer than known is of a later version: the rest is left aside (R5)', () => {
  assert.deepEqual([...decodeFrames(messageOf([8, 5, 'new', 1]))], [{ kind: 'beat', id: 5 }])
})

test('what is no frame is refused, and nothing is made of what it announces (R2, R4)', () => {
  const rows: [string, Uint8Array][] = [
    ['a prefix that ends', Uint8Array.of(0, 1, 0)],
    ['a payload of 4 GiB', messageOf([4, 1, 'x', 1], new Uint8Array(1), 0xffff_ffff)],
    [
      'a payload of one byte more than a piece',
      messageOf([2], new Uint8Array(PIECE_BYTES_MAX + 1)),
    ],
    [
      'a header of 64 KiB',
      new Uint8Array(Buffer.concat([Buffer.of(255, 255, 0, 0, 0, 0), Buffer.alloc(65_535)])),
    ],
    ['no list', messageOf({ kind: 8 })],
    ['a kind that is not known', messageOf([99, 1])],
    ['an id that is missing', messageOf([8])],
    ['an id below zero', messageOf([8, -1])],
    ['an id that is a text', messageOf([8, '1'])],
    ['an id that is a half', messageOf([8, 0.5])],
    ['an endpoint that is bytes', messageOf([4, 1, Uint8Array.of(1), 1])],
    ['a flag that is a number', messageOf([12, 1, 1])],
    ['a header with bytes after it', new Uint8Array([0, 3, 0, 0, 0, 0, 0x92, 8, 5, 0])],
    ['an endpoint of 2,000 letters', messageOf([4, 1, 'x'.repeat(2000), 1])],
  ]
  for (const [name, message] of rows) {
    assert.throws(() => [...decodeFrames(message)], { code: 'BadFrame' }, name)
  }
})

test('openMessage() gives memory of its own', () => {
  const source = encode([new Uint8Array(32).fill(5)])
  const [id] = openMessage(source) as [Uint8Array]
  source.fill(0)
  assert.deepEqual(id, new Uint8Array(32).fill(5))
  assert.throws(() => openMessage(Uint8Array.of(0x91)), { code: 'BadFrame' })
})
