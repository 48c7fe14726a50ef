import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packMerged } from '../../../src/table/row.ts'
import type { Operation } from '../../../src/db/engine.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { DeletionsWatch } from '../../../src/simulation/properties/deletions.ts'

const [here, there, third] = [0, 1, 2].map((index) => {
  return { index, disk: { rottenBits: 0 } } as SimulatedNode
}) as [SimulatedNode, SimulatedNode, SimulatedNode]
const hash = 'ab'.repeat(32)
const removal: Operation = { type: 'del', key: `1${hash}`, value: undefined }

function reference(live: boolean): Operation {
  const value = packMerged(1, live ? 1 : 0)
  return { type: 'put', key: `rab${hash}\0${'cd'.repeat(32)}`, value }
}

/** Refers to a block on a quorum, lets `then` happen, and deletes it at time 100. */
function deletedAfter(
  then: (watch: DeletionsWatch, at: (time: number) => void) => void,
  alongside: readonly Operation[] = [],
): string[] {
  const faults: string[] = []
  let now = 0
  const watch = new DeletionsWatch({
    now: () => now,
    quorum: 2,
    fault: (sentence) => faults.push(sentence),
  })
  then(watch, (time) => (now = time))
  now = 100
  watch.wrote(here, [removal, ...alongside])
  return faults
}

function refer(watch: DeletionsWatch): void {
  watch.wrote(here, [reference(true)])
  watch.wrote(there, [reference(true)])
}

function ask(watch: DeletionsWatch): void {
  const body = { table: 'block-ref', partitionKey: hash, after: '', limit: 1 }
  const envelope = { format: 1, layout: 1, readmissions: 0, time: 0, body }
  watch.asks(here, 'table/range-merged', envelope)
}

test('a block that goes while a quorum refers to it is found', () => {
  assert.equal(deletedAfter(refer).length, 1)
  const asked = deletedAfter((watch, at) => {
    refer(watch)
    at(50)
    ask(watch)
  })
  assert.equal(asked.length, 1)
})

test('a block goes rightly when its reference was released, came later, or never settled', () => {
  const released = deletedAfter((watch) => {
    refer(watch)
    watch.wrote(there, [reference(false)])
  })
  const later = deletedAfter((watch, at) => {
    ask(watch)
    at(50)
    refer(watch)
  })
  const unsettled = deletedAfter((watch) => watch.wrote(here, [reference(true)]))
  assert.deepEqual([released, later, unsettled], [[], [], []])
})

test('a damaged block goes rightly when it is missed from then on', () => {
  assert.deepEqual(deletedAfter(refer, [{ type: 'put', key: `6${hash}`, value: '' }]), [])
})

test('a copy that rotted before anything here referred to it goes unasked, one for each bit', () => {
  const rotten = { index: 3, disk: { rottenBits: 1 } } as SimulatedNode
  const faults: string[] = []
  const watch = new DeletionsWatch({
    ...{ now: () => now, quorum: 2, fault: (sentence) => faults.push(sentence) },
  })
  let now = 0
  const goesFrom = (node: SimulatedNode): number => {
    watch.wrote(node, [removal])
    return faults.splice(0).length
  }
  watch.wrote(here, [reference(true)])
  watch.wrote(there, [reference(true)])
  now = 100
  assert.equal(goesFrom(rotten), 0)
  assert.equal(goesFrom(rotten), 1, 'one bit cannot spoil two blocks')
  assert.equal(goesFrom(third), 1, 'its drive is sound')
  const again = { index: 4, disk: { rottenBits: 1 } } as SimulatedNode
  watch.wrote(again, [reference(true)])
  assert.equal(goesFrom(again), 1, 'that node knows of the reference')
})
