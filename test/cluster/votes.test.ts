import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId, type NodeId } from '../../src/base/ids.ts'
import { Votes } from '../../src/cluster/votes.ts'

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((digit) => nodeId(digit.repeat(64))) as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
]

test('Votes are won by a quorum of every list and lost when one is out of reach', () => {
  const votes = new Votes([
    [a, b, c],
    [b, c, d],
  ])
  votes.add(a, true)
  votes.add(b, true)
  assert.deepEqual([votes.isWon, votes.isLost, votes.isDecided], [false, false, false])
  votes.add(c, false)
  votes.add(d, false)
  assert.deepEqual([votes.isWon, votes.isLost, votes.isDecided], [false, true, true])
})

test('Votes of one owner decide at once, those of two only together', () => {
  const alone = new Votes([[a]])
  alone.add(a, true)
  assert.ok(alone.isWon)
  const two = new Votes([[a, b]])
  two.add(a, true)
  assert.ok(!two.isWon)
  two.add(b, false)
  assert.ok(two.isLost)
})
