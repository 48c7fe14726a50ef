import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareEpochs } from '../../../src/base/ballot.ts'
import { PARTITION_COUNT } from '../../../src/cluster/cluster.ts'
import { givenUpBy, goOnAlone } from '../../../src/cluster/layout/alone.ts'
import { epochOf, storageOf } from '../../../src/cluster/layout/history.ts'
import { ownersIn } from '../../../src/cluster/layout/layout.ts'
import { apply, stage } from '../../../src/cluster/layout/staging.ts'
import { decodeHistory, encodeHistory } from '../../../src/cluster/layout/stored.ts'
import { ackedVersion, declareLost } from '../../../src/cluster/layout/trackers.ts'
import { firstOf, nodeOf, storing } from './members.ts'

const self = nodeOf(0)

test('who goes on alone owns everything in one new layout, in a newer epoch', () => {
  const before = firstOf(3, 3)
  assert.deepEqual(givenUpBy(before, self), [nodeOf(1), nodeOf(2)])
  const after = goOnAlone(before, self)
  assert.ok(compareEpochs(epochOf(after), epochOf(before)) > 0)
  assert.ok(after.revision > before.revision)
  assert.deepEqual([...storageOf(after)], [self])
  assert.deepEqual([...after.nodes.keys()], [self], 'the others have no part any more')
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    assert.deepEqual(ownersIn(after.active[0]!, partition), [self])
  }
  assert.deepEqual([after.active.length, after.readVersion], [1, 2])
  assert.equal(ackedVersion(after), 2, 'nobody is waited for')
  assert.deepEqual(decodeHistory(encodeHistory(after)), after)
  assert.deepEqual(givenUpBy(after, self), [])
})

test('it grows again as any cluster does', () => {
  const roles = new Map([[nodeOf(5), storing('elsewhere')]])
  const staged = stage(goOnAlone(firstOf(3, 3), self), { roles, factor: 2 })
  assert.equal(apply(staged, 3).active.length, 2)
})

test('a node that does not hold everything, or was declared lost, does not go on alone', () => {
  assert.throws(() => goOnAlone(firstOf(4, 3), self), /it owns \d+ of 256 partitions/)
  assert.throws(() => goOnAlone(declareLost(firstOf(3, 3), self), self), /declared lost/)
  assert.throws(() => goOnAlone(firstOf(3, 3), nodeOf(7)), /does not store/)
})
