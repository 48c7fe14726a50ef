import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId, type NodeId } from '../../../src/base/ids.ts'
import type { MessageHandler, Network, ParcelHandler } from '../../../src/base/network.ts'
import { sparingNetwork, sparingWorker } from '../../../src/node/space/sparing.ts'

const self = nodeId('aa'.repeat(32))
const other = nodeId('bb'.repeat(32))

interface Wire extends Network {
  readonly handlers: Map<string, MessageHandler>
  readonly receivers: Map<string, ParcelHandler>
}

function wireOf(): Wire {
  const handlers = new Map<string, MessageHandler>()
  const receivers = new Map<string, ParcelHandler>()
  return {
    ...{ self, handlers, receivers },
    call: () => undefined,
    handle: (endpoint, handler) => void handlers.set(endpoint, handler),
    transfer: () => Promise.reject(new Error('nobody is there')),
    receive: (endpoint, handler) => void receivers.set(endpoint, handler),
    peers: () => [],
  }
}

test('a node without room for rows takes none of others, nor their blocks, until there is room', async () => {
  let isSpent = false
  const wire = wireOf()
  const network = sparingNetwork(wire, { isSpent: () => isSpent })
  const endpoints = ['table/accept', 'table/insert', 'table/offer', 'table/read', 'layout/learn']
  for (const endpoint of endpoints) network.handle(endpoint, () => 'done')
  for (const endpoint of ['block/put', 'block/get']) {
    network.receive(endpoint, { answer: () => Promise.resolve({ message: 'done' }) })
  }
  const refused = (from: NodeId): string[] =>
    endpoints.filter((endpoint) => {
      try {
        return wire.handlers.get(endpoint)!(from, {}) !== 'done'
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'StorageFull')
        return true
      }
    })
  const parcel = (endpoint: string): Promise<unknown> =>
    wire.receivers.get(endpoint)!.answer(other, {}, {})
  assert.deepEqual(refused(other), [])
  isSpent = true
  assert.deepEqual(refused(other), ['table/accept', 'table/insert', 'table/offer'])
  assert.deepEqual(refused(self), [], 'what it does itself makes room')
  await assert.rejects(parcel('block/put'), { code: 'DriveFull' })
  await parcel('block/get')
  isSpent = false
  assert.deepEqual(refused(other), [])
  await parcel('block/put')
})

test('what copies from others rests meanwhile, and says so', async () => {
  let isSpent = true
  let steps = 0
  const inner = {
    ...{ name: 'table-sync', intervalMs: 1, tranquility: 0 },
    work: () => {
      steps += 1
      return Promise.resolve('busy' as const)
    },
  }
  const worker = sparingWorker(inner, { isSpent: () => isSpent })
  const { signal } = new AbortController()
  assert.equal(await worker.work(signal), 'idle')
  assert.match(worker.remarks!().join(), /drive of the rows is full/)
  isSpent = false
  assert.equal(await worker.work(signal), 'busy')
  assert.equal(steps, 1)
  inner.intervalMs = 7
  assert.equal(worker.intervalMs, 7, 'as long as the worker itself would rest now')
})
