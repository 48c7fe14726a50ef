import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../../src/base/ids.ts'
import { PARTITION_COUNT } from '../../../src/cluster/cluster.ts'
import { isOwnerIn, ownersIn, placesOf, type Layout } from '../../../src/cluster/layout/layout.ts'

const nodes = ['a', 'b', 'c', 'd'].map((digit) => nodeId(digit.repeat(64)))
const storage = nodes.slice(0, 3)

test('isOwnerIn() names the nodes that ownersIn() lists', () => {
  const owners = Array.from({ length: PARTITION_COUNT }, (_, partition) => [
    storage[partition % 3]!,
    storage[(partition + 1 + (partition % 2)) % 3]!,
  ])
  const layout = { factor: 2, storage, places: placesOf(storage, owners) } as unknown as Layout
  for (let partition = 0; partition <= PARTITION_COUNT; partition += 1) {
    const listed = ownersIn(layout, partition)
    for (const node of nodes) {
      assert.equal(isOwnerIn(layout, partition, node), listed.includes(node), `${partition}`)
    }
  }
})
