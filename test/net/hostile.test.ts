/** Rows R1 to R11 of the hostile input: a peer that holds the secret and still breaks every rule. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import {
  CALLS_PER_PEER_MAX,
  MIB,
  PARCEL_IDLE_MS_MAX,
  PIECE_BYTES_MAX,
} from '../../src/base/limits.ts'
import type { Frame } from '../../src/net/wire/frame.ts'
import { isLinked, scene, type Scene } from './intruder.ts'
import { nodeOf } from './memory-links.ts'

function call(id: number, endpoint: string, payload: Uint8Array, total = payload.length): Frame {
  return { kind: 'call', id, endpoint, total, payload }
}

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replace(/ /g, ''), 'hex'))
}

const one = encode(1)
const none = new Uint8Array(0)

interface Row {
  readonly name: string
  readonly act: (scene: Scene) => void
  /** Whether the peer is still linked afterwards. */
  readonly stays: boolean
  readonly runMs?: number
  readonly check?: (scene: Scene) => void
}

function brokenRules(scene: Scene): number {
  return Number(/mesh_broken_rules_total (\d+)/.exec(scene.metrics.text())?.[1] ?? 0)
}

function refusalOf(frame: Frame | undefined): unknown {
  if (frame?.kind !== 'error') return undefined
  const [code] = partsOf(frame.payload)
  return code
}

function partsOf(payload: Uint8Array): unknown[] {
  // The first of three: a fixarray of a text.
  const length = payload[1]! & 31
  return [Buffer.from(payload.subarray(2, 2 + length)).toString('utf8')]
}

const nested = (depth: number): Uint8Array =>
  new Uint8Array([...Array.from({ length: depth }, () => 0x91), 0xc0])

const badMessages: readonly (readonly [string, Uint8Array])[] = [
  ['array32 of 4 G', hex('dd ffffffff 01')],
  ['map32 of 4 G', hex('df ffffffff 01')],
  ['bin32 of 4 G', hex('c6 ffffffff 01')],
  ['str32 of 4 G', hex('db ffffffff 61')],
  ['nested 10,000 deep', nested(10_000)],
  ['the reserved byte', hex('c1')],
  ['an extension', hex('d6 ff 00000000')],
  ['a key twice', hex('82 a161 01 a161 02')],
  ['the key __proto__', hex('81 a9 5f5f70726f746f5f5f 01')],
  ['NaN', hex('cb 7ff8000000000000')],
  ['minus zero', hex('cb 8000000000000000')],
  ['2^64 - 1', hex('cf ffffffffffffffff')],
  ['bytes after it', hex('01 02')],
  ['a text that is no UTF-8 length', hex('d9 ff 61')],
]

const rows: readonly Row[] = [
  {
    name: 'R1 a handshake in the middle of a session',
    act: ({ messages }) => messages.say({ kind: 'hello', payload: one }),
    stays: false,
  },
  {
    name: 'R2 a frame that announces 4 GiB',
    act: ({ messages }) => messages.link.send([hex('0001 ffffffff 90')]),
    stays: false,
  },
  {
    name: 'R2 a message that announces 100 MB',
    act: ({ messages }) => messages.say(call(1, 'note', one, 100_000_000)),
    stays: false,
  },
  {
    name: 'R2 messages that are never finished, until they are too much',
    act: ({ messages }) => {
      for (let id = 1; id <= 300; id += 1) {
        messages.say(call(id, 'note', new Uint8Array(PIECE_BYTES_MAX), 4_000_000))
      }
    },
    stays: false,
  },
  {
    name: 'R2 messages that are never finished, a byte of each',
    act: ({ messages }) => {
      for (let id = 1; id <= CALLS_PER_PEER_MAX + 1; id += 1) messages.say(call(id, 'note', one, 2))
    },
    stays: false,
  },
  {
    name: 'R2 pieces without content',
    act: ({ messages }) => {
      messages.say(call(1, 'note', one, 10))
      messages.say({ kind: 'more', id: 1, isAnswer: false, payload: none })
    },
    stays: false,
  },
  ...badMessages.map(([name, payload]): Row => ({
    name: `R4 ${name}`,
    act: ({ messages }) => messages.say(call(1, 'note', payload)),
    stays: false,
    check: (found) => {
      assert.deepEqual(found.calls, [], 'no handler saw it')
      assert.equal(brokenRules(found), 1, 'it is counted')
    },
  })),
  {
    name: 'R5 an endpoint that is not known',
    act: ({ messages }) => messages.say(call(1, 'none', one)),
    stays: true,
    check: ({ messages }) => assert.equal(refusalOf(messages.last()), 'UnknownEndpoint'),
  },
  {
    name: 'R5 a parcel to an endpoint that is not known',
    act: ({ bulk }) =>
      bulk.say({
        kind: 'parcel',
        id: 1,
        endpoint: 'none',
        length: 5,
        room: 0,
        isBackground: false,
        payload: one,
      }),
    stays: true,
    check: ({ bulk }) => assert.equal(refusalOf(bulk.last()), 'UnknownEndpoint'),
  },
  {
    name: 'R5 a frame of one link on the other',
    act: ({ bulk }) => bulk.say(call(1, 'note', one)),
    stays: false,
  },
  {
    name: 'R6 ten answers to nothing',
    act: ({ messages }) => {
      for (let id = 101; id <= 110; id += 1) {
        messages.say({ kind: 'answer', id, total: 1, payload: one })
      }
    },
    stays: true,
    check: (found) => assert.equal(brokenRules(found), 10),
  },
  {
    name: 'R6 eleven answers to nothing',
    act: ({ messages }) => {
      for (let id = 1; id <= 11; id += 1) messages.say({ kind: 'error', id, payload: one })
    },
    stays: false,
  },
  {
    name: 'R6 more of messages and answers that did not begin',
    act: ({ messages }) => {
      for (let id = 1; id <= 11; id += 1) {
        messages.say({ kind: 'more', id, isAnswer: id % 2 === 0, payload: one })
      }
    },
    stays: false,
  },
  {
    name: 'R6 pieces of no parcel, and room for none',
    act: ({ bulk }) => {
      for (let id = 1; id <= 11; id += 1) {
        bulk.say(id % 2 === 0 ? { kind: 'room', id } : piece(id, one))
      }
    },
    stays: false,
  },
  {
    name: 'R6 bytes after the end of a parcel',
    act: ({ bulk, world }) => {
      bulk.say(put(1, 2))
      world.clock.after(5, () => {
        bulk.say(piece(1, Uint8Array.of(1, 2)), piece(1, Uint8Array.of(3)))
        world.clock.after(5, () => bulk.say(piece(1, Uint8Array.of(4))))
      })
    },
    stays: true,
    check: (found) => {
      assert.equal(brokenRules(found), 2)
      assert.equal(found.released, 1)
    },
  },
  {
    name: 'R6 more bytes than a parcel has',
    act: ({ bulk, world }) => {
      bulk.say(put(1, 2))
      world.clock.after(5, () => bulk.say(piece(1, Uint8Array.of(1, 2, 3))))
    },
    stays: false,
    check: (found) => assert.equal(found.released, 1),
  },
  {
    name: 'R6 bytes of a parcel before there is room',
    act: ({ bulk }) => bulk.say(put(1, 2), piece(1, Uint8Array.of(1, 2))),
    stays: false,
    check: (found) => assert.equal(found.released, 1),
  },
  {
    name: 'R6 an echo of a beat to come',
    act: ({ messages }) => {
      for (let id = 1000; id < 1011; id += 1) messages.say({ kind: 'echo', id })
    },
    stays: false,
  },
  {
    name: 'R7 a parcel whose bytes never come',
    act: ({ bulk }) => bulk.say(put(1, 1000)),
    stays: true,
    runMs: PARCEL_IDLE_MS_MAX + 3000,
    check: (found) => {
      assert.equal(found.released, 1)
      assert.equal(refusalOf(found.bulk.last()), 'CallTimeout')
    },
  },
  {
    name: 'R7 a thousand parcels whose bytes never come',
    act: ({ bulk }) => {
      for (let id = 1; id <= 1000; id += 1) bulk.say(put(id, 1000))
    },
    stays: true,
    check: ({ bulk }) => {
      assert.equal(bulk.kinds().filter((kind) => kind === 'room').length, 32)
      assert.equal(refusalOf(bulk.got.find((frame) => frame.kind === 'error')), 'PeerBusy')
    },
  },
  {
    name: 'R7 an answer whose bytes nobody takes',
    act: ({ bulk }) => {
      const { other } = bulk.link
      other.send = (chunks) => {
        other.bufferedBytes += Buffer.concat(chunks).length
      }
      bulk.say({ ...put(1, 0), endpoint: 'get', room: MIB } as Frame)
    },
    stays: true,
    runMs: PARCEL_IDLE_MS_MAX + 3000,
    check: (found) => assert.equal(found.sent, 1, 'the bytes are given back'),
  },
  {
    name: 'R7 a peer that asks for much and takes nothing',
    act: ({ messages, mesh }) => {
      mesh.handle('much', () => new Uint8Array(1_000_000))
      const { other } = messages.link
      other.send = (chunks) => {
        other.bufferedBytes += Buffer.concat(chunks).length
      }
      for (let id = 1; id <= 100; id += 1) messages.say(call(id, 'much', one))
    },
    stays: true,
    check: ({ messages }) => {
      const { bufferedBytes } = messages.link.other
      assert.ok(bufferedBytes > 8 * MIB && bufferedBytes < 17 * MIB, `${bufferedBytes}`)
    },
  },
  {
    name: 'R7 a peer that asks without end and takes nothing',
    act: ({ messages, world }) => {
      const { other } = messages.link
      other.send = (chunks) => {
        other.bufferedBytes += Buffer.concat(chunks).length
      }
      const asks = Array.from({ length: 1000 }, (_, n) => call(n, 'none'.repeat(60), one))
      for (let ms = 0; ms < 100; ms += 1) world.clock.after(ms, () => messages.say(...asks))
    },
    stays: false,
    check: ({ messages }) => assert.ok(messages.link.other.bufferedBytes < 26 * MIB),
  },
  {
    name: 'R7 calls whose handlers take long',
    act: ({ messages, mesh }) => {
      mesh.handle('never', () => new Promise(() => undefined))
      for (let id = 1; id <= CALLS_PER_PEER_MAX + 5; id += 1) messages.say(call(id, 'never', one))
    },
    stays: true,
    check: ({ messages }) => {
      const errors = messages.got.filter((frame) => frame.kind === 'error')
      assert.deepEqual(
        errors.map(refusalOf),
        Array.from({ length: 5 }, () => 'PeerBusy'),
      )
    },
  },
  {
    name: 'R8 bytes that are not what they should be',
    act: ({ bulk, world }) => {
      bulk.say(put(1, 3))
      world.clock.after(5, () => bulk.say(piece(1, Uint8Array.of(1, 2, 3))))
    },
    stays: true,
    check: (found) => {
      assert.equal(refusalOf(found.bulk.last()), 'HashMismatch')
      assert.equal(found.released, 1)
    },
  },
  {
    name: 'R8 a parcel of 4 GiB',
    act: ({ bulk }) => bulk.say(put(1, 2 ** 32)),
    stays: true,
    check: ({ bulk }) => assert.equal(refusalOf(bulk.last()), 'TooLarge'),
  },
  {
    name: 'R9 a row that its table refuses',
    act: ({ messages }) => messages.say(call(1, 'row', one)),
    stays: true,
    check: ({ messages }) => assert.equal(refusalOf(messages.last()), 'BadMessage'),
  },
  ...[
    ['no list', { peers: 1 }],
    ['peers that are none', [1, 'x', null, [1, 2], ['zz', []], ['ab'.repeat(32), 'host:1']]],
    ['addresses that are none', [['ab'.repeat(32), ['', 'x', '[::1', 'h:0', 'h:99999', 5]]]],
    [
      'a thousand addresses',
      [['ab'.repeat(32), Array.from({ length: 1000 }, (_, n) => `h${n}:1`)]],
    ],
    ['this node itself', [[nodeOf(1), ['host7:1']]]],
  ].map(([name, list]): Row => ({
    name: `R10 a list of peers that is ${name as string}`,
    act: ({ messages }) => messages.say(call(1, 'mesh/peers', encode(list))),
    stays: true,
    check: ({ mesh, messages }) => {
      assert.equal(messages.kinds().at(-1), 'answer')
      assert.ok(mesh.peers().length <= 2)
      const known = mesh.peerInfo().flatMap((peer) => peer.addresses)
      assert.deepEqual(known, [])
    },
  })),
  {
    name: 'R10 a list of ten thousand peers',
    act: ({ messages }) => {
      const list = Array.from({ length: 10_000 }, (_, n) => [
        n.toString(16).padStart(64, '0'),
        ['h:1'],
      ])
      const packed = encode(list)
      messages.say(call(1, 'mesh/peers', packed.subarray(0, PIECE_BYTES_MAX), packed.length))
      for (let at = PIECE_BYTES_MAX; at < packed.length; at += PIECE_BYTES_MAX) {
        const payload = packed.subarray(at, at + PIECE_BYTES_MAX)
        messages.say({ kind: 'more', id: 1, isAnswer: false, payload })
      }
    },
    stays: true,
    check: ({ mesh }) => assert.equal(mesh.peers().length, 256),
  },
]

function put(id: number, length: number): Frame {
  return {
    kind: 'parcel',
    id,
    endpoint: 'put',
    length,
    room: 0,
    isBackground: false,
    payload: one,
  }
}

function piece(id: number, payload: Uint8Array): Frame {
  return { kind: 'piece', id, isAnswer: false, payload }
}

for (const row of rows) {
  test(row.name, async () => {
    const found = await scene()
    row.act(found)
    // The intruder keeps its links alive.
    for (let ms = 0; ms < (row.runMs ?? 200); ms += 500) {
      await found.world.clock.run(Math.min(500, row.runMs ?? 200))
      found.messages.say({ kind: 'beat', id: ms })
    }
    await found.world.clock.run(10)
    assert.equal(isLinked(found), row.stays, found.mesh.peerInfo()[0]?.why)
    if (!row.stays)
      assert.ok(found.messages.closed !== undefined && found.bulk.closed !== undefined)
    row.check?.(found)
  })
}
