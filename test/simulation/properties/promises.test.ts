import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PARTITION_COUNT } from '../../../src/cluster/cluster.ts'
import type { Operation } from '../../../src/db/engine.ts'
import { PromisesWatch } from '../../../src/simulation/properties/promises.ts'
import { CUSTODY_ROW } from '../../../src/table/table.ts'
import { at, ballotAt, envelopeOf, nodeOf, partition, writing } from './registers-of-nodes.ts'

const node = nodeOf(0)

/** What is said of a node that does all that. */
function faultsOf(work: (watch: PromisesWatch) => void): string[] {
  const faults: string[] = []
  work(new PromisesWatch((sentence) => faults.push(sentence)))
  return faults
}

/** The node answers to a ballot. */
function ask(watch: PromisesWatch, time: number, kind = 'promised', asked = node): void {
  const { table, partitionKey, key } = at
  const body = { table, partitionKey, ballot: ballotAt(time), keys: [{ key, reads: [] }] }
  const tell = watch.asked({ node: asked, endpoint: 'table/promise', envelope: envelopeOf(body) })
  tell!([{ kind }])
}

test('a row that is taken below a promise is found, and none at it or above', () => {
  const below = faultsOf((watch) => {
    ask(watch, 7)
    watch.wrote(node, [writing(5)])
  })
  assert.equal(below.length, 1)
  const right = faultsOf((watch) => {
    ask(watch, 7)
    ask(watch, 9, 'refused')
    watch.wrote(node, [writing(7), writing(8)])
    watch.wrote(nodeOf(1), [writing(5)])
  })
  assert.deepEqual(right, [])
})

test('a promise at or below one that was given is found', () => {
  const twice = faultsOf((watch) => {
    ask(watch, 7)
    ask(watch, 7)
  })
  assert.equal(twice.length, 1)
  const refused = faultsOf((watch) => {
    ask(watch, 7)
    ask(watch, 5, 'refused')
    ask(watch, 8)
  })
  assert.deepEqual(refused, [])
})

test('behind a deleted gate a promise need not be remembered, but nothing may be taken', () => {
  const stored = { [`G${at.partitionKey}`]: 'deleted' }
  const ended = nodeOf(0, stored)
  const asking = (watch: PromisesWatch, time: number): void => {
    const { table, partitionKey, key } = at
    const body = { table, partitionKey, ballot: ballotAt(time), keys: [{ key, reads: [] }] }
    const message = { node: ended, endpoint: 'table/promise', envelope: envelopeOf(body) }
    watch.asked(message)?.([{ kind: 'promised' }])
  }
  const again = faultsOf((watch) => {
    asking(watch, 7)
    asking(watch, 5)
  })
  assert.deepEqual(again, [])
  const taken = faultsOf((watch) => {
    Object.assign(stored, { [`G${at.partitionKey}`]: 'closing' })
    asking(watch, 7)
    Object.assign(stored, { [`G${at.partitionKey}`]: 'deleted' })
    watch.wrote(ended, [writing(5)])
  })
  assert.equal(taken.length, 1)
})

test('a node that lost its rows is bound by nothing that it said before', () => {
  const faults = faultsOf((watch) => {
    ask(watch, 7)
    watch.lost(node)
    watch.wrote(node, [writing(5)])
  })
  assert.deepEqual(faults, [])
})

/** The node writes down up to which layout it holds the partition of the register. */
function holding(complete: number, where = partition): Operation {
  const versions = new Array<number>(PARTITION_COUNT + 1).fill(1)
  versions[where] = complete
  const value = [versions.join(' '), versions.map(() => 0).join(' '), 'one'].join('\n')
  return { type: 'put', key: CUSTODY_ROW, value }
}

/** What is said of a node that promised, wrote all that, and then took an older row. */
function faultsAfter(
  written: readonly Operation[],
  { layout, asksAgain = false }: { readonly layout: number; readonly asksAgain?: boolean },
): string[] {
  const follower = nodeOf(0, {}, () => ({ layout, readmissions: 0 }))
  return faultsOf((watch) => {
    watch.wrote(follower, [holding(1)])
    ask(watch, 7, 'promised', follower)
    for (const operation of written) watch.wrote(follower, [operation])
    if (asksAgain) ask(watch, 9, 'promised', follower)
    watch.wrote(follower, [writing(5)])
  })
}

test('what was promised in a layout that ended binds nobody who gained the partition again', () => {
  assert.deepEqual(faultsAfter([holding(-1), holding(-2), holding(0)], { layout: 2 }), [])
})

test('a promise binds who never gave the partition up, or gave up another one', () => {
  assert.equal(faultsAfter([holding(2)], { layout: 2 }).length, 1)
  const other = partition + 1
  const elsewhere = [holding(-1, other), holding(-2, other), holding(0, other)]
  assert.equal(faultsAfter(elsewhere, { layout: 2 }).length, 1)
})

test('a promise binds who gave the partition up and has not gained it again', () => {
  assert.equal(faultsAfter([holding(-1), holding(-2)], { layout: 2 }).length, 1)
})

test('giving a partition up ends no promise of an epoch that goes on', () => {
  assert.equal(faultsAfter([holding(-1), holding(-2), holding(0)], { layout: 1 }).length, 1)
})

test('a promise given since the partition was gained again binds', () => {
  const again = [holding(-1), holding(-2), holding(0)]
  assert.equal(faultsAfter(again, { layout: 2, asksAgain: true }).length, 1)
})
