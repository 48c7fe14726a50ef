import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlowNetwork } from '../../../src/cluster/layout/flow.ts'

test('FlowNetwork sends as much as goes, and takes back what turns out dear', () => {
  const flow = new FlowNetwork(4)
  const cheap = flow.connect(0, 1, { capacity: 1, cost: 0 })
  flow.connect(0, 2, { capacity: 1, cost: 0 })
  const across = flow.connect(1, 2, { capacity: 1, cost: 0 })
  flow.connect(1, 3, { capacity: 1, cost: 5 })
  flow.connect(2, 3, { capacity: 1, cost: 0 })
  // The first path goes across; the second must push it back.
  assert.deepEqual(flow.run(0, 3), { units: 2, cost: 5 })
  assert.equal(flow.flowOf(cheap), 1)
  assert.equal(flow.flowOf(across), 0)
})

test('FlowNetwork takes the cheaper of two ways', () => {
  const flow = new FlowNetwork(3)
  const dear = flow.connect(0, 1, { capacity: 3, cost: 2 })
  const cheap = flow.connect(0, 1, { capacity: 2, cost: 1 })
  flow.connect(1, 2, { capacity: 3, cost: 0 })
  assert.deepEqual(flow.run(0, 2), { units: 3, cost: 4 })
  assert.deepEqual([flow.flowOf(dear), flow.flowOf(cheap)], [1, 2])
})
