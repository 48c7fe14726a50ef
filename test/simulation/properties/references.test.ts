import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manifestTable, type ManifestState } from '../../../src/model/manifest.table.ts'
import { packMerged } from '../../../src/table/row.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { ReferencesWatch } from '../../../src/simulation/properties/references.ts'
import { envelopeOf, nodeOf } from './registers-of-nodes.ts'

const hash = 'ab'.repeat(32)
const manifest = 'cd'.repeat(32)

/** A node on which the block lies, or the header of the manifest in that state. */
function holding(what: 'block' | ManifestState | undefined): SimulatedNode {
  if (what === undefined) return nodeOf(0)
  if (what === 'block') return nodeOf(0, { [`1${hash}`]: new Uint8Array(1) })
  const facts = {
    partitionKey: 'bucket',
    key: 'k',
    part: undefined,
    owner: { node: 'n', boot: 'b', number: 1 },
  }
  const row = manifestTable.encode({ kind: 'header', state: what, ...facts })
  return nodeOf(0, { [`mcd${manifest}\0!`]: packMerged(1, row) })
}

/** What is said of a node that is asked to take a reference, and answers so. */
function faultsOfTaking(node: SimulatedNode, kind: string, row: number): string[] {
  const faults: string[] = []
  const watch = new ReferencesWatch((sentence) => faults.push(sentence))
  const items = [{ partitionKey: hash, sortKey: manifest, version: 1, row }]
  const envelope = envelopeOf({ table: 'block-ref', items })
  watch.asked({ node, endpoint: 'table/insert', envelope })!([{ kind }])
  return faults
}

/** What is said of a node that drops a reference while these nodes hold that of its manifest. */
function faultsOfDropping(...states: readonly (ManifestState | undefined)[]): string[] {
  const faults: string[] = []
  const watch = new ReferencesWatch((sentence) => faults.push(sentence))
  const nodes = states.map(holding)
  for (const node of nodes) watch.began(node)
  const key = `rab${hash}\0${manifest}`
  watch.wrote(nodes[0]!, [{ type: 'put', key, value: packMerged(1, 0) }])
  return faults
}

test('an owner that takes a reference without the block is found', () => {
  assert.equal(faultsOfTaking(holding(undefined), 'held', 1).length, 1)
  assert.deepEqual(faultsOfTaking(holding('block'), 'held', 1), [])
  assert.deepEqual(faultsOfTaking(holding(undefined), 'refused', 1), [])
  assert.deepEqual(faultsOfTaking(holding(undefined), 'held', 0), [])
  const rotten = holding(undefined)
  rotten.hasRotted = true
  assert.deepEqual(faultsOfTaking(rotten, 'held', 1), [])
})

test('a reference that goes while its manifest is in use everywhere is found', () => {
  assert.equal(faultsOfDropping('in use').length, 1)
  assert.equal(faultsOfDropping('pending', 'in use', undefined).length, 1)
  assert.deepEqual(faultsOfDropping('in use', 'closing'), [])
  assert.deepEqual(faultsOfDropping('in use', 'released'), [])
  assert.deepEqual(faultsOfDropping(undefined), [], 'nothing is left of it')
})
