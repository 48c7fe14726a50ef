import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, type Sight, type Stance, type Wish } from '../../../src/cluster/layout/forming.ts'
import { nodeOf } from './members.ts'

const [a, b, c, d] = [nodeOf(1), nodeOf(2), nodeOf(3), nodeOf(4)]

function wishOf(zone: string, more: Partial<Wish> = {}): Wish {
  return { nodes: 3, factor: 3, zone, capacityBytes: 1e12, ...more }
}

function wishes(zone: string, more: Partial<Wish> = {}): Stance {
  return { kind: 'wishes', wish: wishOf(zone, more) }
}

function sight(more: Partial<Sight>): Sight {
  const others = new Map([
    [b, wishes('b')],
    [c, wishes('c')],
  ])
  return { self: a, wish: wishOf('a'), others, awaited: [], ...more }
}

function whyOf(more: Partial<Sight>): string {
  const verdict = judge(sight(more))
  return verdict.kind === 'wait' ? verdict.why : 'proposes'
}

test('judge() lets the lowest of exactly so many propose, with the roles that each wishes', () => {
  const verdict = judge(sight({}))
  assert.ok(verdict.kind === 'propose')
  assert.deepEqual(
    [...verdict.roles].map(([node, { zone, capacityBytes }]) => [node, zone, capacityBytes]),
    [
      [a, 'a', 1e12],
      [b, 'b', 1e12],
      [c, 'c', 1e12],
    ],
  )
  const others = new Map([
    [a, wishes('a')],
    [c, wishes('c')],
  ])
  assert.match(whyOf({ self: b, wish: wishOf('b'), others }), new RegExp(`${a.slice(0, 16)} makes`))
})

test('judge() waits while any is missing, and says where nobody answers', () => {
  const others = new Map([[b, wishes('b')]])
  assert.equal(
    whyOf({ others, awaited: ['node-c:3901'] }),
    '2 of 3 nodes are here: nobody answers at node-c:3901',
  )
  assert.equal(whyOf({ others: new Map() }), '1 of 3 nodes are here')
  const silent = new Map<typeof a, Stance>([...sight({}).others, [d, { kind: 'silent' }]])
  assert.match(whyOf({ others: silent }), /no answer yet from node/)
})

test('judge() never makes a cluster beside one that somebody is of, or may be of', () => {
  const taken = new Map<typeof a, Stance>([...sight({}).others, [d, { kind: 'taken' }]])
  assert.match(whyOf({ others: taken }), /data or a layout is on node/)
  assert.match(whyOf({ awaited: ['node-d:3901'] }), /more are named: nobody answers at node-d:3901/)
  const many = new Map([...sight({}).others, [d, wishes('d')]])
  assert.equal(whyOf({ others: many }), '4 nodes are here, 3 wanted')
})

test('judge() waits while their settings differ, and passes over who wishes for nothing', () => {
  const other = (more: Partial<Wish>): Partial<Sight> => ({
    others: new Map([
      [b, wishes('b', more)],
      [c, wishes('c')],
    ]),
  })
  assert.match(whyOf(other({ nodes: 4 })), /wishes for 4 nodes and 3 copies, this one for 3 and 3/)
  assert.match(whyOf(other({ factor: 2 })), /wishes for 3 nodes and 2 copies/)
  const wishless = new Map<typeof a, Stance>([...sight({}).others, [d, { kind: 'wishless' }]])
  assert.equal(whyOf({ others: wishless }), 'proposes')
})
