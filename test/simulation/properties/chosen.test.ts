import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeObject, type ObjectValue } from '../../../src/model/rows/object.ts'
import { ChosenWatch } from '../../../src/simulation/properties/chosen.ts'
import { at, nodeOf, writing } from './registers-of-nodes.ts'

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
  const watch = new ChosenWatch({ quorum: 2, fault: (sentence) => faults.push(sentence) })
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

test('a read that shows nothing is not judged', () => {
  assert.deepEqual(faultsOf([5], { current: undefined, uploads: [] }), [])
})
