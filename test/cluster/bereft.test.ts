import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bereftText, partitionsBereft } from '../../src/cluster/bereft.ts'
import { newestLayout, withProgress } from '../../src/cluster/layout/history.ts'
import { countPartitions, type Layout } from '../../src/cluster/layout/layout.ts'
import { apply, stage } from '../../src/cluster/layout/staging.ts'
import { firstOf, nodeOf, storing } from './layout/members.ts'

const joins = { roles: new Map([[nodeOf(9), storing('z9')]]) }

test('a new owner that holds the only copy of a partition is not declared lost', () => {
  const changing = apply(stage(firstOf(1, 1), joins), 2)
  const owned = countPartitions(newestLayout(changing), nodeOf(9))
  assert.ok(owned > 0)
  assert.equal(partitionsBereft(changing, nodeOf(9)), owned)
})

test('one of three copies is declared lost in the middle of a change, a second is not', () => {
  const changing = apply(stage(firstOf(3, 3), joins), 2)
  assert.equal(partitionsBereft(changing, nodeOf(9)), 0)
  const lost = new Map([[nodeOf(9), { isLost: true }]])
  const one = { ...changing, nodes: withProgress(changing, lost) }
  assert.ok(partitionsBereft(one, nodeOf(0)) > 0)
})

test('a layout in between that would be left without a quorum keeps nobody from being declared lost', () => {
  const fewer = apply(stage(firstOf(3, 3), { factor: 2 }), 2)
  assert.ok(partitionsBereft(fewer, nodeOf(1)) > 0)
  assert.equal(partitionsBereft(apply(stage(fewer, { factor: 3 }), 3), nodeOf(1)), 0)
})

test('the only new owner is not declared lost while the old ones are there, though it is read', () => {
  const changing = apply(stage(firstOf(1, 1), joins), 2)
  const owned = countPartitions(newestLayout(changing), nodeOf(9))
  const read = { ...changing, readVersion: 2 }
  assert.equal(partitionsBereft(read, nodeOf(9)), owned)
  assert.equal(partitionsBereft({ ...read, active: [newestLayout(read)] }, nodeOf(9)), 0)
})

test('while no layout changes nothing is copied to anybody', () => {
  assert.equal(partitionsBereft(firstOf(2, 1), nodeOf(1)), 0)
})

test('a layout that leaves partitions to nodes that were declared lost alone is refused', () => {
  const first = firstOf(3, 3)
  const lost = new Map([[nodeOf(2), { isLost: true }]])
  const history = { ...first, nodes: withProgress(first, lost) }
  const next = (factor: number): Layout => newestLayout(apply(stage(first, { factor }), 2))
  const owned = countPartitions(next(1), nodeOf(2))
  const text = bereftText(history, next(1))
  assert.match(
    text!,
    new RegExp(`: ${owned} partitions would belong .*: ${nodeOf(2).slice(0, 16)}$`),
  )
  assert.equal(bereftText(first, next(1)), undefined)
  assert.equal(bereftText(undefined, next(1)), undefined)
  assert.equal(bereftText(history, newestLayout(first)), undefined, 'two of three hold it')
})
