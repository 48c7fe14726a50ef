import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../../src/base/ids.ts'
import { differenceOf } from '../../../src/simulation/properties/stock.ts'

const [a, b, c] = ['a', 'b', 'c'].map((digit) => nodeId(digit.repeat(64)))

function differing(theirs: Readonly<Record<string, string>>): string | undefined {
  const roots = new Map(
    [a!, b!, c!].map((node) => {
      const root = theirs[node[0]!]
      const partitions = new Map(root === undefined ? [] : [[3, root]])
      return [node, new Map([['object', partitions]])] as const
    }),
  )
  return differenceOf(roots, () => [a!, b!])
}

test('owners that hold different rows, and others that hold any, are found', () => {
  assert.equal(differing({ a: 'x', b: 'x' }), undefined)
  assert.match(differing({ a: 'x', b: 'y' })!, /partition 3$/)
  assert.match(differing({ a: 'x' })!, /partition 3$/)
  assert.match(differing({ a: 'x', b: 'x', c: 'x' })!, /does not own/)
})
