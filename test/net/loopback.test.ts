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
