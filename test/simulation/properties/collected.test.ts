import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blake3 } from '../../../src/base/hash.ts'
import { CollectedWatch } from '../../../src/simulation/properties/collected.ts'
import { at, envelopeOf, nodeOf, packed, rowKey } from './registers-of-nodes.ts'

/** What is said when a tombstone of time 5 goes while other nodes hold rows of these times. */
function faultsOf(times: readonly (number | undefined)[], hasLostRows = false): string[] {
  const faults: string[] = []
  const watch = new CollectedWatch((sentence) => faults.push(sentence))
  const [node, ...others] = [5, ...times].map((time, index) =>
    nodeOf(index, time === undefined ? {} : { [rowKey]: packed(time) }),
  )
  for (const each of [node!, ...others]) watch.began(each)
  for (const other of others) other.hasLostRows = hasLostRows
  const body = {
    ...{ table: at.table, units: [rowKey.slice(1)], floors: [] },
    digests: [blake3(packed(5))],
  }
  const endpoint = 'collect/drop'
  watch.asked({ node: node!, endpoint, envelope: envelopeOf(body) })?.(null)
  return faults
}

test('a tombstone that goes while an owner holds an older row is found', () => {
  assert.deepEqual(faultsOf([5, 3]), ['the tombstone of "k" goes, and node 2 holds an older row'])
  assert.deepEqual(faultsOf([5, 5]), [])
  assert.deepEqual(faultsOf([undefined, 8]), [], 'one dropped it before, one was changed since')
})

test('a row of a database that was put back binds nobody', () => {
  assert.deepEqual(faultsOf([5, 3], true), [])
})
