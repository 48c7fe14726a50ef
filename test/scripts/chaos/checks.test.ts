import assert from 'node:assert/strict'
import { test } from 'node:test'
import { winnerFaults } from '../../../scripts/chaos/checks/conditions.ts'
import { hotRegisterFaults } from '../../../scripts/chaos/checks/hot-register.ts'
import { prefixFaults } from '../../../scripts/chaos/checks/prefixes.ts'
import { registerFaults } from '../../../scripts/chaos/checks/registers.ts'
import { setFaults } from '../../../scripts/chaos/checks/set.ts'
import { shownBy, type Page } from '../../../scripts/chaos/listing.ts'
import { deleted, saw, wrote } from './histories.ts'

function page(call: number, end: number, shown: Partial<Page>): Page {
  return {
    ...{ call, end, after: undefined, upTo: undefined, etags: new Map(), prefixes: [] },
    ...shown,
  }
}

for (const [name, judge] of [
  ['registerFaults()', registerFaults],
  ['hotRegisterFaults()', hotRegisterFaults],
] as const) {
  test(`${name} passes reads of what may be there, and unknown writes that came late or never`, () => {
    const fine = [
      ...[wrote(0, 10, { value: 'a' }), saw(1, 2, ''), saw(3, 4, 'a'), saw(11, 12, 'a')],
      ...[wrote(13, Infinity, { value: 'b' }), saw(14, 15, 'a'), saw(20, 21, 'b')],
      ...[wrote(22, Infinity, { value: 'c' }), wrote(23, 24, { value: 'd' }), saw(25, 26, 'd')],
    ]
    assert.deepEqual(judge(fine), [])
  })

  test(`${name} finds a stale read`, () => {
    const history = [wrote(0, 1, { value: 'a' }), wrote(2, 3, { value: 'b' }), saw(4, 5, 'a')]
    assert.equal(judge(history).length, 1)
  })

  test(`${name} finds a lost write`, () => {
    assert.equal(judge([wrote(0, 1, { value: 'a' }), saw(2, 3, '')]).length, 1)
  })

  test(`${name} finds a value that is un-read`, () => {
    const history = [
      ...[wrote(0, 1, { value: 'a' }), wrote(2, Infinity, { value: 'b' })],
      ...[saw(3, 4, 'b'), saw(5, 6, 'a')],
    ]
    assert.equal(judge(history).length, 1)
  })

  test(`${name} finds a write that others had replaced before it began`, () => {
    const history = [wrote(5, 6, { value: 'a' }), saw(0, 1, 'a')]
    assert.notEqual(judge(history).length, 0)
  })
}

test('registerFaults() finds a deleted key that is back, and lets an unknown delete come late', () => {
  const back = [wrote(0, 1, { value: 'a' }), deleted(2, 3), saw(4, 5, ''), saw(6, 7, 'a')]
  assert.equal(registerFaults(back).length, 1)
  const late = [wrote(0, 1, { value: 'a' }), deleted(2, Infinity), saw(4, 5, 'a'), saw(6, 7, '')]
  assert.deepEqual(registerFaults(late), [])
})

test('registerFaults() finds two winners of one condition', () => {
  const history = [
    wrote(0, 5, { value: 'a', ifNone: true }),
    wrote(1, 6, { value: 'b', ifNone: true }),
  ]
  assert.equal(registerFaults(history).length, 1)
})

test('winnerFaults() finds a key that two created, and passes one that was deleted between', () => {
  const [one, other] = [
    wrote(0, 5, { value: 'a', ifNone: true }),
    wrote(1, 6, { value: 'b', ifNone: true }),
  ]
  assert.deepEqual(winnerFaults([one, other]), ['k was created 2 times'])
  assert.deepEqual(winnerFaults([one]), [])
  assert.deepEqual(winnerFaults([one, deleted(2, 3), other]), [])
})

test('setFaults() finds an acknowledged key that a listing misses', () => {
  const added = [wrote(0, 1, { key: 'a', value: '1' }), wrote(2, 9, { key: 'b', value: '2' })]
  const [fault] = setFaults(added, [{ call: 3, end: 4, keys: ['b'] }])
  assert.match(fault!, /misses a, acknowledged 2 ms before/)
  assert.deepEqual(setFaults(added, [{ call: 3, end: 4, keys: ['a'] }]), [])
})

test('setFaults() finds a key that nobody had put yet', () => {
  const added = [wrote(5, 6, { key: 'a', value: '1' })]
  assert.match(setFaults(added, [{ call: 3, end: 4, keys: ['a'] }])[0]!, /nobody/)
})

test('a page counts as a read of every key in its stretch and of no other', () => {
  const etags = new Map([['b', '1']])
  const shown = shownBy(page(1, 2, { after: 'a', upTo: 'c/', etags, prefixes: ['c/'] }), [
    ...['a', 'a/x', 'b', 'bb', 'c/1', 'd'],
  ])
  assert.deepEqual(
    shown.map(({ key, answer }) => [key, answer?.kind === 'shows' && answer.version]),
    [
      ['a/x', ''],
      ['b', '1'],
      ['bb', ''],
    ],
  )
})

test('a listing that misses a key, or shows one that was deleted, is found', () => {
  const there = wrote(0, 1, { key: 'a', value: '1' })
  const missing = shownBy(page(2, 3, {}), ['a'])
  assert.equal(registerFaults([there, ...missing]).length, 1)
  const shown = shownBy(page(6, 7, { etags: new Map([['a', '1']]) }), ['a'])
  assert.equal(registerFaults([there, deleted(4, 5, 'a'), ...shown]).length, 1)
  assert.deepEqual(registerFaults([there, deleted(4, 8, 'a'), ...shown]), [])
})

test('prefixFaults() finds a prefix below which everything was deleted', () => {
  const pages = [page(6, 7, { prefixes: ['f/'] })]
  const there = wrote(0, 1, { key: 'f/a', value: '1' })
  assert.deepEqual(prefixFaults([there], pages), [])
  assert.equal(prefixFaults([there, deleted(2, 3, 'f/a')], pages).length, 1)
  assert.deepEqual(prefixFaults([there, deleted(2, Infinity, 'f/a')], pages), [])
})
