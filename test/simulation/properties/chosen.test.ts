import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeObject, type ObjectValue } from '../../../src/model/rows/object.ts'
import { ChosenWatch } from '../../../src/simulation/properties/chosen.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { registerRow } from '../../../src/simulation/properties/registers.ts'
import { at, idOf, nodeOf, packed, writing } from './registers-of-nodes.ts'

const value: ObjectValue = {
  current: {
    ...{ id: 3, size: 1, etag: 'e', metadata: [], body: new Uint8Array(1) },
    ...{ checksum: undefined, partCount: undefined, upload: undefined },
  },
  uploads: [],
}

/** What is said of a read, once nodes hold that version at these times. */
function faultsOf(times: readonly number[], read: ObjectValue | undefined = value): string[] {
  const faults: string[] = []
  const watch = new ChosenWatch({
    owners: [0, 1, 2].map(idOf),
    fault: (sentence) => faults.push(sentence),
  })
  for (const [index, time] of times.entries()) {
    watch.wrote(nodeOf(index), [writing(time, encodeObject(value))])
  }
  watch.read(nodeOf(0), at, read)
  return faults
}

test('a read that shows what no quorum ever held under one ballot is found', () => {
  assert.equal(faultsOf([5]).length, 1)
  assert.equal(faultsOf([5, 7]).length, 1, 'the same under two ballots was not chosen')
  assert.deepEqual(faultsOf([5, 5]), [])
  assert.deepEqual(faultsOf([5, 7, 7]), [])
})

test('what an owner took counts, though a later row overtook it before it was written', () => {
  const faults: string[] = []
  const watch = new ChosenWatch({
    owners: [0, 1, 2].map(idOf),
    fault: (sentence) => faults.push(sentence),
  })
  const write = (index: number, time: number): void =>
    watch.wrote(nodeOf(index), [writing(time, encodeObject(value))])
  write(0, 5)
  write(1, 7)
  const row = registerRow(packed(5, encodeObject(value)))
  watch.took(nodeOf(1), { ...at, table: 'gate' }, row)
  watch.read(nodeOf(0), at, value)
  assert.equal(faults.length, 1, 'that was another register')
  watch.took(nodeOf(1), at, row)
  watch.read(nodeOf(0), at, value)
  assert.equal(faults.length, 1)
})

/** A node that knows layouts whose partitions lie on these nodes: `{ 1: [0, 1] }`. */
function knowing(
  index: number,
  layouts: Readonly<Record<number, readonly number[]>>,
): SimulatedNode {
  const active = Object.entries(layouts).map(([version, owners]) => ({
    version: Number(version),
    factor: owners.length,
    storage: owners.map(idOf),
    places: Array.from({ length: 256 * owners.length }, (_, place) => place % owners.length),
  }))
  const product = { layout: { members: { history: () => ({ active }) } } }
  return { index, id: idOf(index), product } as never
}

test('while the layout changes a quorum of the older owners alone has chosen nothing', () => {
  const layouts = { 1: [0, 1, 2], 2: [2, 3, 4] }
  const shown = (layout: number, holders: readonly number[]): string[] => {
    const faults: string[] = []
    const fault = (sentence: string): void => void faults.push(sentence)
    const watch = new ChosenWatch({ owners: [], fault })
    for (const index of holders) {
      watch.wrote(knowing(index, layouts), [writing(5, encodeObject(value), layout)])
    }
    watch.read(nodeOf(0), at, value)
    return faults
  }
  assert.equal(shown(2, [0, 1]).length, 1)
  assert.equal(shown(2, [0, 1, 2]).length, 1, 'one of the newer owners is no quorum')
  assert.deepEqual(shown(2, [0, 1, 2, 3]), [])
  assert.deepEqual(shown(1, [0, 1]), [], 'it was written before the newer layout')
  assert.equal(shown(3, [0, 1, 2, 3, 4]).length, 1, 'nobody knows such a layout')
})

test('who shows it may know a layout that its owners have not heard of yet', () => {
  const faults: string[] = []
  const watch = new ChosenWatch({ owners: [], fault: (sentence) => void faults.push(sentence) })
  const layouts = { 1: [0, 1, 2], 2: [0] }
  watch.wrote(knowing(0, { 1: [0, 1, 2] }), [writing(5, encodeObject(value), 2)])
  watch.read(knowing(1, layouts), at, value)
  assert.deepEqual(faults, [])
})

test('a read that shows nothing is not judged', () => {
  assert.deepEqual(faultsOf([5], { current: undefined, uploads: [] }), [])
})
