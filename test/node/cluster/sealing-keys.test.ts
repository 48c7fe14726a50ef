import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SealingKeys } from '../../../src/node/cluster/sealing-keys.ts'

test('the key is looked for in each turn, once there is a layout', async () => {
  let [looks, hasLayout] = [0, false]
  const look = (): Promise<void> => Promise.resolve(void (looks += 1))
  const worker = new SealingKeys({ sealers: { look }, hasLayout: () => hasLayout })
  assert.deepEqual([await worker.work(), looks], ['idle', 0])
  hasLayout = true
  for (const turn of [1, 2]) assert.deepEqual([await worker.work(), looks], ['idle', turn])
})

test('where the key is not to be had the worker says so', async () => {
  const fault = new Error('lost')
  const look = (): Promise<void> => Promise.reject(fault)
  const worker = new SealingKeys({ sealers: { look }, hasLayout: () => true })
  await assert.rejects(worker.work(), fault)
})
