/** Row R7 of the hostile input, of parcels: what a peer does to keep what it was lent. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { MIB } from '../../src/base/limits.ts'
import { openFailure } from '../../src/net/wire/failure.ts'
import type { Frame } from '../../src/net/wire/frame.ts'
import { isLinked, scene } from './intruder.ts'

function parcel(id: number, endpoint: string, length: number): Frame {
  const payload = encode(1)
  return { kind: 'parcel', id, endpoint, length, room: MIB, isBackground: false, payload }
}

function piece(id: number, ...bytes: number[]): Frame {
  return { kind: 'piece', id, isAnswer: false, payload: Uint8Array.from(bytes) }
}

test('R7 a parcel under the id of one that was given up while a handler works with it', async () => {
  const found = await scene()
  const { bulk, mesh, world, metrics } = found
  let finish: () => void = () => undefined
  mesh.receive('slow', {
    room: () => Promise.resolve({ data: new Uint8Array(2), release: () => undefined }),
    answer: () => new Promise((resolve) => (finish = () => resolve({ message: 0 }))),
  })
  bulk.say(parcel(1, 'slow', 2))
  await world.clock.run(5)
  bulk.say(piece(1, 1, 2), { kind: 'cancel', id: 1 }, parcel(1, 'put', 2))
  await world.clock.run(5)
  finish()
  await world.clock.run(5)
  bulk.say(piece(1, 1, 2))
  await world.clock.run(5)
  assert.doesNotMatch(metrics.text(), /mesh_broken_rules_total [1-9]/)
  const last = bulk.last()
  assert.ok(last?.kind === 'error')
  assert.equal(openFailure(last.payload).code, 'HashMismatch', 'its bytes still came')
  assert.equal(found.released, 1)
})

test('R7 an answer that is one frame too many for what waits to be taken', async () => {
  const found = await scene()
  const { bulk, mesh, world } = found
  let sent = 0
  mesh.receive('late', {
    answer: () => {
      bulk.link.other.bufferedBytes = 100 * MIB
      const bytes = new Uint8Array(MIB)
      return Promise.resolve({ message: 0, bytes, sent: () => void (sent += 1) })
    },
  })
  bulk.say(parcel(1, 'late', 0))
  await world.clock.run(100)
  assert.equal(isLinked(found), false)
  assert.equal(sent, 1, 'the bytes are given back')
})
