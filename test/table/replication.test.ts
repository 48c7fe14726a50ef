import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId, type NodeId } from '../../src/base/ids.ts'
import { fixedCluster } from '../../src/cluster/lone.ts'
import { Replication } from '../../src/table/replication.ts'
import { rules } from '../../src/table/rules.ts'

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((digit) => nodeId(digit.repeat(64))) as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
]

function replicationOf(lists: readonly (readonly NodeId[])[]): Replication {
  return new Replication(fixedCluster(b, lists), rules)
}

test('Replication asks this node first, and each owner of several layouts once', () => {
  const replication = replicationOf([
    [a, b, c],
    [b, c, d],
  ])
  assert.deepEqual(replication.owners(7), [b, a, c, d])
  assert.deepEqual(replicationOf([[a, b, c]]).readers(7), [b, a, c])
})

test('those that are read vouch for all but what was written since a change began', () => {
  const lists = [
    [a, b, c],
    [b, c, d],
  ]
  assert.equal(new Replication(fixedCluster(b, lists, 2), rules).vouchedTo(0), 1)
  assert.equal(new Replication(fixedCluster(b, lists.slice(1), 2), rules).vouchedTo(0), Infinity)
})

test('Replication counts votes by a quorum of every layout', () => {
  const votes = replicationOf([
    [a, b, c],
    [b, c, d],
  ]).votes(7)
  votes.add(a, true)
  votes.add(b, true)
  assert.deepEqual([votes.isWon, votes.isLost], [false, false])
  votes.add(c, false)
  votes.add(d, false)
  assert.deepEqual([votes.isWon, votes.isLost], [false, true])
})

test('placeOf() takes the first byte of hex keys, the hash of others, and refuses NUL', () => {
  const replication = replicationOf([[b]])
  assert.equal(replication.placeOf({ placement: 'first-byte' }, 'ff00').prefix, 'ffff00\0')
  const hashed = replication.placeOf({ placement: 'hash' }, 'bucket.0')
  assert.ok(hashed.prefix.endsWith('bucket.0\0') && hashed.partition < 256)
  assert.throws(() => replication.placeOf({ placement: 'hash' }, 'a\0b'), { code: 'BadMessage' })
  assert.throws(() => replication.placeOf({ placement: 'first-byte' }, 'no'), {
    code: 'BadMessage',
  })
})

test("placeOf() puts the cluster's own rows where every node that stores owns them", () => {
  const place = replicationOf([[b]]).placeOf({ placement: 'cluster' }, 'layout')
  assert.deepEqual([place.partition, place.prefix], [256, '100layout\0'])
})
