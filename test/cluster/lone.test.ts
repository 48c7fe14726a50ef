import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../src/base/ids.ts'
import { quorumOf } from '../../src/cluster/cluster.ts'
import type { LayoutHistory } from '../../src/cluster/layout/history.ts'
import { loneCluster, loneHistory, standsAlone, storesAlone } from '../../src/cluster/lone.ts'

test('loneCluster() owns every partition alone in layout version 0', () => {
  const self = nodeId('ab'.repeat(32))
  const cluster = loneCluster(self)
  assert.deepEqual(cluster.epoch(), { layout: 0, readmissions: 0 })
  assert.deepEqual(cluster.owners(0), [[self]])
  assert.deepEqual(cluster.owners(255), [[self]])
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((count) => quorumOf(Array(count).fill(self))),
    [1, 2, 2, 3, 3],
  )
})

test('standsAlone() is not said of a node that has met the layout of a lone one', () => {
  const [self, seed] = [nodeId('ab'.repeat(32)), nodeId('cd'.repeat(32))]
  const knows = (history: LayoutHistory | undefined): boolean =>
    standsAlone({ self, history: () => history })
  assert.equal(knows(loneHistory(self, 'c1')), true)
  assert.equal(knows(loneHistory(seed, 'c1')), false)
  assert.equal(knows(undefined), false)
})

test('storesAlone() is said of a layout of one node, and not while another one takes part', () => {
  const [self, other] = [nodeId('ab'.repeat(32)), nodeId('cd'.repeat(32))]
  const lone = loneHistory(self, 'c1')
  const layout = { ...lone.active[0]!, version: 1 }
  assert.equal(storesAlone({ ...lone, active: [...lone.active, layout] }, self), true)
  assert.equal(storesAlone({ ...lone, active: [layout] }, other), false)
  const two = { ...layout, version: 2, storage: [self, other] }
  assert.equal(storesAlone({ ...lone, active: [layout, two] }, self), false)
})
