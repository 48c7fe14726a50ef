import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { ShownWatch } from '../../../src/simulation/properties/shown.ts'
import { at, ballotAt, envelopeOf, nodeOf, packed, rowKey, writing } from './registers-of-nodes.ts'

/** What is said of a node that wrote the row of time 5 and shows that of `time`. */
function faultsOf(
  time: number,
  how: 'promise' | 'read' | 'digest',
  node: SimulatedNode = nodeOf(0),
): string[] {
  const faults: string[] = []
  const watch = new ShownWatch((sentence) => faults.push(sentence))
  watch.wrote(node, [writing(5)])
  const { table, partitionKey, key } = at
  if (how === 'promise') {
    const body = { table, partitionKey, ballot: ballotAt(9), keys: [{ key, reads: [] }] }
    const tell = watch.asked({ node, endpoint: 'table/promise', envelope: envelopeOf(body) })
    tell!([{ kind: 'promised', row: { ballot: ballotAt(time) } }])
    return faults
  }
  const body = { table, partitionKey, keys: [key], full: how === 'read' }
  const tell = watch.asked({ node, endpoint: 'table/read', envelope: envelopeOf(body) })
  tell?.({ rows: [packed(time)] })
  return faults
}

test('a row that is shown before it is on stable storage is found', () => {
  for (const how of ['promise', 'read'] as const) {
    assert.equal(faultsOf(7, how).length, 1)
    assert.deepEqual(faultsOf(5, how), [])
  }
  assert.deepEqual(faultsOf(7, 'digest'), [], 'a digest shows nothing')
})

test('what a crash left may be shown, though nobody saw it become stable', () => {
  assert.deepEqual(faultsOf(7, 'read', nodeOf(0, { [rowKey]: packed(7) })), [])
})
