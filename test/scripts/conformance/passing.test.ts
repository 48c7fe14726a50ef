import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareLists, grownList, readList } from '../../../scripts/conformance/passing.ts'

const LIST = '# a remark\na::one\nb::two\n'

test('compareLists() names what was lost and what came', () => {
  assert.deepEqual(compareLists(readList(LIST), ['b::two', 'c::three']), {
    lost: ['a::one'],
    gained: ['c::three'],
  })
})

test('grownList() keeps its remarks and every name, sorted', () => {
  assert.equal(grownList(LIST, ['aa::x', 'b::two']), '# a remark\na::one\naa::x\nb::two\n')
  assert.equal(grownList(LIST, []), LIST)
})
