import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeId } from '../../src/base/ids.ts'
import { PARTITION_COUNT } from '../../src/cluster/cluster.ts'
import { apply, stage } from '../../src/cluster/layout/staging.ts'
import { declareLost } from '../../src/cluster/layout/trackers.ts'
import { countServed, isChangeable } from '../../src/cluster/served.ts'
import { firstOf, nodeOf } from './layout/members.ts'

const three = firstOf(3, 3)

test('a partition has a quorum while two of three owners count', () => {
  const all = PARTITION_COUNT
  assert.deepEqual(
    countServed(three, () => true),
    { quorum: all, all },
  )
  assert.deepEqual(
    countServed(three, (node) => node !== nodeOf(1)),
    { quorum: all, all: 0 },
  )
  assert.deepEqual(
    countServed(three, (node) => node === nodeOf(1)),
    { quorum: 0, all: 0 },
  )
})

test('an owner may count in some partitions only', () => {
  const served = countServed(three, (node, partition) =>
    node === nodeOf(0) ? true : node === nodeOf(1) ? partition < 10 : partition < 4,
  )
  assert.deepEqual(served, { quorum: 10, all: 4 })
})

test('without a layout nothing is served', () => {
  assert.deepEqual(
    countServed(undefined, () => true),
    { quorum: 0, all: 0 },
  )
})

test('the layout can be changed though nobody is left of one that is not read yet', () => {
  const roles = new Map([1, 2].map((index) => [nodeOf(index), undefined]))
  const shrinking = apply(stage(three, { roles, factor: 1 }), 2)
  const isThere = (node: NodeId): boolean => node !== nodeOf(0)
  assert.equal(isChangeable(shrinking, isThere), false)
  assert.equal(isChangeable(declareLost(shrinking, nodeOf(0)), isThere), true)
  const read = { ...declareLost(shrinking, nodeOf(0)), readVersion: 2 }
  assert.equal(isChangeable(read, isThere), false)
})
