import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { TimesWatch } from '../../../src/simulation/properties/times.ts'

const node = { index: 0 } as SimulatedNode
const ballot = { layout: 1, readmissions: 0, time: 50, node: 'a' }
const envelope = { format: 1, layout: 1, readmissions: 0, time: 60, body: { ballot } }

function watching(): { readonly watch: TimesWatch; readonly faults: string[] } {
  const faults: string[] = []
  const watch = new TimesWatch((sentence) => faults.push(sentence))
  watch.began(node)
  return { watch, faults }
}

test('a time that is given twice, or goes back, is found', () => {
  const { watch, faults } = watching()
  watch.drew(node, 10)
  watch.drew(node, 11)
  assert.deepEqual(faults, [])
  watch.drew(node, 11)
  watch.drew(node, 5)
  assert.equal(faults.length, 2)
})

test('a life that begins below what the last one promised is found', () => {
  for (const [kind, time, count] of [
    ['promised', 51, 0],
    ['promised', 50, 1],
    ['refused', 50, 0],
  ] as const) {
    const { watch, faults } = watching()
    watch.asked({ node, endpoint: 'table/promise', envelope })?.([{ kind }])
    watch.began(node)
    watch.drew(node, time)
    assert.equal(faults.length, count, `${kind}, then ${time}`)
  }
})

test('a database that is gone remembers no time', () => {
  const { watch, faults } = watching()
  watch.asked({ node, endpoint: 'table/promise', envelope })?.([{ kind: 'promised' }])
  watch.lost(node)
  watch.began(node)
  watch.drew(node, 1)
  assert.deepEqual(faults, [])
})
