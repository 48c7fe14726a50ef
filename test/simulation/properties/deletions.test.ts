import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeLocation } from '../../../src/block/segment/rows.ts'
import { packMerged } from '../../../src/table/row.ts'
import type { Operation } from '../../../src/db/engine.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { DeletionsWatch } from '../../../src/simulation/properties/deletions.ts'

const [here, there] = [0, 1].map((index) => {
  return { index, disk: { rotten: [] } }
}) as unknown[] as [SimulatedNode, SimulatedNode]
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

test('a copy that rotted before anything here referred to it goes unasked', () => {
  const location = {
    drive: 0,
    segment: 0x1f,
    generation: 1,
    sequence: 1,
    offset: 8192,
    length: 100,
  }
  const placed: Operation = { type: 'put', key: `1${hash}`, value: encodeLocation(location) }
  const foundOf = (at: number, before: readonly Operation[], path = '0000001f.segment'): number => {
    const rotten = { index: 2, disk: { rotten: [{ path: `/blocks/${path}`, at }] } }
    let now = 0
    let faults = 0
    const watch = new DeletionsWatch({
      ...{ now: () => now, quorum: 2 },
      fault: () => (faults += 1),
    })
    refer(watch)
    now = 100
    watch.wrote(rotten as unknown as SimulatedNode, before)
    watch.wrote(rotten as unknown as SimulatedNode, [removal])
    return faults
  }
  assert.equal(foundOf(8192, [placed]), 0)
  assert.equal(foundOf(8192 + 4096 + 99, [placed]), 0)
  assert.equal(foundOf(8192 + 4096 + 100, [placed]), 1, 'behind it')
  assert.equal(foundOf(8191, [placed]), 1, 'before it')
  assert.equal(foundOf(8192, [placed], '00000020.segment'), 1, 'another file')
  assert.equal(foundOf(8192, []), 1, 'nobody knows where it lay')
  assert.equal(foundOf(8192, [placed, reference(true)]), 1, 'that node knows of the reference')
})
