import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PromisesWatch } from '../../../src/simulation/properties/promises.ts'
import { at, ballotAt, envelopeOf, nodeOf, writing } from './registers-of-nodes.ts'

const node = nodeOf(0)

/** What is said of a node that does all that. */
function faultsOf(work: (watch: PromisesWatch) => void): string[] {
  const faults: string[] = []
  work(new PromisesWatch((sentence) => faults.push(sentence)))
  return faults
}

/** The node answers to a ballot. */
function ask(watch: PromisesWatch, time: number, kind = 'promised'): void {
  const { table, partitionKey, key } = at
  const body = { table, partitionKey, ballot: ballotAt(time), keys: [{ key, reads: [] }] }
  const tell = watch.asked({ node, endpoint: 'table/promise', envelope: envelopeOf(body) })
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
