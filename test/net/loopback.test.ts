import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../src/base/ids.ts'
import { LoopbackNetwork } from '../../src/net/loopback.ts'

const self = nodeId('ab'.repeat(32))

test('LoopbackNetwork returns what its handler does, without a promise', () => {
  const network = new LoopbackNetwork(self)
  network.handle('twice', (from, message) => [from, 2 * (message as number)])
  assert.deepEqual(network.call(self, 'twice', 4, { deadlineMs: 1 }), [self, 8])
})

test('LoopbackNetwork reaches nobody else', () => {
  const network = new LoopbackNetwork(self)
  const other = nodeId('cd'.repeat(32))
  assert.throws(() => network.call(other, 'twice', 4, { deadlineMs: 1 }), {
    code: 'PeerUnreachable',
  })
  assert.throws(() => network.call(self, 'none', 4, { deadlineMs: 1 }), {
    code: 'UnknownEndpoint',
  })
})

test('transfer() brings bytes to the room that the receiver makes, and its own back', async () => {
  const network = new LoopbackNetwork(self)
  const data = new Uint8Array(8)
  let released = 0
  let sent = 0
  network.receive('swap', {
    room: () => Promise.resolve({ data, release: () => void (released += 1) }),
    answer: (_from, message, { bytes }) => {
      assert.deepEqual(bytes, Uint8Array.of(1, 2, 3))
      return Promise.resolve({
        message: [message],
        bytes: Uint8Array.of(9, 8),
        sent: () => void (sent += 1),
      })
    },
  })
  const into = new Uint8Array(4)
  const parcel = { message: 'm', bytes: Uint8Array.of(1, 2, 3) }
  const delivered = await network.transfer(self, 'swap', parcel, { deadlineMs: 1, into })
  assert.deepEqual(delivered, { message: ['m'], length: 2 })
  assert.deepEqual(into, Uint8Array.of(9, 8, 0, 0))
  assert.deepEqual([released, sent], [1, 1])
  await assert.rejects(network.transfer(self, 'swap', parcel, { deadlineMs: 1 }), {
    code: 'BadParcel',
  })
  assert.deepEqual([released, sent], [2, 2])
})

test('transfer() refuses bytes that the endpoint has no room for', async () => {
  const network = new LoopbackNetwork(self)
  network.receive('ask', { answer: () => Promise.resolve({ message: 'yes' }) })
  const options = { deadlineMs: 1 }
  assert.deepEqual(await network.transfer(self, 'ask', { message: 0 }, options), {
    message: 'yes',
    length: 0,
  })
  const parcel = { message: 0, bytes: Uint8Array.of(1) }
  await assert.rejects(network.transfer(self, 'ask', parcel, options), { code: 'BadParcel' })
  await assert.rejects(network.transfer(self, 'none', { message: 0 }, options), {
    code: 'UnknownEndpoint',
  })
})
