import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId, type NodeId } from '../../src/base/ids.ts'
import { LAYOUT_PARTITION, PARTITION_COUNT, type Cluster } from '../../src/cluster/cluster.ts'
import { fixedCluster, loneHistory } from '../../src/cluster/lone.ts'
import { newcomer, type LayoutHistory } from '../../src/cluster/layout/history.ts'
import { loneLayout, type Layout } from '../../src/cluster/layout/layout.ts'
import { MemoryStore } from '../../src/db/memory.ts'
import { openMemoryDb } from '../../src/db/open.ts'
import type { Db } from '../../src/db/db.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { Custody, CUSTODY_ROW, heldIn } from '../../src/table/custody.ts'

const [self, other] = ['a', 'b'].map((digit) => nodeId(digit.repeat(64))) as [NodeId, NodeId]

/** A layout in which `self` owns the partitions below `count`, the other node the rest. */
function layoutOf(version: number, count: number): Layout {
  return {
    ...loneLayout(self),
    ...{ version, storage: count > 0 ? [self, other] : [other] },
    places: Uint8Array.from({ length: PARTITION_COUNT }, (_, partition) =>
      count > 0 && partition >= count ? 1 : 0,
    ),
  }
}

function openDb(store: MemoryStore): Db {
  return openMemoryDb({ store, clock: systemClock, onFatal: (fault) => assert.fail(fault) })
}

/** A cluster whose active layouts are set. */
function clusterOf(active: () => readonly Layout[]): Cluster {
  const history = (): LayoutHistory => ({ ...loneHistory(self, 'c'), active: active() })
  return { ...fixedCluster(self, [[self]]), history }
}

test('Custody of a database that never heard of a layout is that of everything', () => {
  const custody = new Custody(
    openDb(new MemoryStore()),
    clusterOf(() => [layoutOf(0, 256)]),
    'one',
  )
  assert.deepEqual(custody.look(), { gained: [], lost: [] })
  custody.assertHeld(255)
  assert.equal(custody.completeTo(), 0)
})

test('a partition that was given up and gained again answers nothing before it was taken', async () => {
  const store = new MemoryStore()
  let active = [layoutOf(1, 100)]
  const cluster = clusterOf(() => active)
  const custody = new Custody(openDb(store), cluster, 'one')
  const { lost, gained } = custody.look()
  assert.deepEqual([lost.length, gained.length, lost[0]], [156, 0, 100])
  await custody.giveUp(lost)
  active = [layoutOf(1, 100), layoutOf(2, 120)]
  // Through a crash: what was given up stays so.
  const next = new Custody(openDb(store), cluster, 'one')
  assert.equal(next.look().gained.length, 20)
  assert.throws(() => next.assertHeld(100), { code: 'NotReady' })
  next.assertHeld(99)
  await next.take(next.look().gained)
  next.assertHeld(100)
  assert.deepEqual(next.look().gained, [])
})

test('what was taken since the start is known to be so, until it is given up or after a restart', async () => {
  const store = new MemoryStore()
  let active = [layoutOf(1, 100)]
  const cluster = clusterOf(() => active)
  const custody = new Custody(openDb(store), cluster, 'one')
  await custody.giveUp(custody.look().lost)
  active = [layoutOf(2, 120)]
  custody.look()
  assert.equal(custody.isAnew(110), false)
  await custody.take([110])
  assert.deepEqual(
    [99, 110, 111].filter((each) => custody.isAnew(each)),
    [110],
  )
  await custody.take([111])
  await custody.giveUp([110])
  assert.deepEqual(
    [110, 111].filter((each) => custody.isAnew(each)),
    [111],
  )
  assert.equal(new Custody(openDb(store), cluster, 'one').isAnew(111), false)
})

test('completeTo() is the newest active layout of which nothing is missing', async () => {
  const active = [layoutOf(1, 100), layoutOf(2, 120)]
  const cluster = clusterOf(() => active)
  const custody = new Custody(openDb(new MemoryStore()), cluster, 'one')
  const history = cluster.history()!
  assert.equal(custody.completeTo(), 0)
  assert.equal(custody.incomplete(history, 2).length, 121)
  assert.equal(custody.incomplete(history, 2).at(-1), LAYOUT_PARTITION)
  await custody.completed(custody.incomplete(history, 1), 1)
  assert.equal(custody.completeTo(), 1)
  await custody.completed(custody.incomplete(history, 2), 2)
  assert.equal(custody.completeTo(), 2)
})

test('what was given up is to go until it is gone, through a crash', async () => {
  const store = new MemoryStore()
  let active = [layoutOf(1, 100)]
  const cluster = clusterOf(() => active)
  const custody = new Custody(openDb(store), cluster, 'one')
  const { lost } = custody.look()
  await custody.giveUp(lost)
  assert.deepEqual(custody.look().lost, lost)
  const next = new Custody(openDb(store), cluster, 'one')
  assert.deepEqual(next.look().lost, lost)
  await next.gone(lost)
  assert.deepEqual(next.look().lost, [])
  const last = new Custody(openDb(store), cluster, 'one')
  assert.deepEqual(last.look(), { gained: [], lost: [] })
  active = [layoutOf(1, 100), layoutOf(2, 120)]
  assert.equal(last.look().gained.length, 20)
  assert.throws(() => last.assertHeld(100), { code: 'NotReady' })
})

test('heldIn() tells from the row which partitions are kept', async () => {
  const store = new MemoryStore()
  const db = openDb(store)
  const custody = new Custody(
    db,
    clusterOf(() => [layoutOf(1, 100)]),
    'one',
  )
  await custody.giveUp([3, 5])
  await custody.gone([5])
  const held = heldIn(store.get(CUSTODY_ROW) as string)
  assert.deepEqual(
    [2, 3, 4, 5].map((partition) => held[partition]),
    [true, false, true, false],
  )
})

/** As `clusterOf`, with what the register says of this node. */
function readmitted(active: () => readonly Layout[], readmittedAt: () => number): Cluster {
  const history = (): LayoutHistory => ({
    ...loneHistory(self, 'c'),
    active: active(),
    nodes: new Map([[self, { ...newcomer, incarnation: 'two', readmittedAt: readmittedAt() }]]),
  })
  return { ...fixedCluster(self, [[self]]), history }
}

test('what a re-admission brought with it may be what the old database voted in', async () => {
  let active = [layoutOf(1, 100)]
  let count = 0
  const cluster = readmitted(
    () => active,
    () => count,
  )
  const custody = new Custody(openDb(new MemoryStore()), cluster, 'two')
  await custody.gone(custody.look().lost)
  // Its folders are a copy of a time before layout 2, which it learns with its re-admission.
  active = [layoutOf(1, 100), layoutOf(2, 120)]
  count = 1
  await custody.take(custody.look().gained)
  assert.equal(custody.votes(110, false), false)
  assert.deepEqual([custody.recovering().length, custody.voteless()], [121, 121])
  await custody.recovered(custody.recovering(), 1)
  assert.equal(custody.votes(110, false), true)
  // What it gains after that it never promised anything for.
  active = [layoutOf(2, 120), layoutOf(3, 130)]
  await custody.take(custody.look().gained)
  assert.equal(custody.votes(125, false), true)
})

test('a node that waits for a vote has gathered nothing, whatever an older copy says of it', async () => {
  const active = [layoutOf(1, 100), layoutOf(2, 120)]
  let count = 0
  const cluster = readmitted(
    () => active,
    () => count,
  )
  const custody = new Custody(openDb(new MemoryStore()), cluster, 'two')
  const history = cluster.history()!
  await custody.completed(custody.incomplete(history, 2), 2)
  assert.equal(custody.completeTo(), 2)
  count = 1
  custody.look()
  assert.equal(custody.completeTo(), 0)
  await custody.recovered(custody.recovering(), 1)
  // Its rows are here; that their blocks are was said of others.
  assert.equal(custody.completeTo(), 0)
  assert.equal(custody.incomplete(history, 2).length, 121)
  custody.assertHeldEverywhere()
  await custody.completed(custody.incomplete(history, 2), 2)
  assert.equal(custody.completeTo(), 2)
})

test('another database has a vote only where no other node stores', () => {
  const known = { ...newcomer, incarnation: 'one' }
  for (const [storage, votes] of [
    [[self], true],
    [[self, other], false],
  ] as const) {
    const active = [{ ...loneLayout(self), version: 1, storage }]
    const history = { ...loneHistory(self, 'c'), active, nodes: new Map([[self, known]]) }
    const cluster = { ...fixedCluster(self, [[self]]), history: () => history }
    const custody = new Custody(openDb(new MemoryStore()), cluster, 'two')
    assert.equal(custody.votes(9, true), votes)
  }
})

test('a node that was away while a partition was taken from it and given back keeps none of it', async () => {
  const store = new MemoryStore()
  let active = [layoutOf(1, 120)]
  const cluster = clusterOf(() => active)
  const first = new Custody(openDb(store), cluster, 'one')
  await first.note()
  await first.completed(first.incomplete(cluster.history()!, 1), 1)
  // Layout 2 came, was read, and nobody waits for layout 1 any more: then it is an owner once more.
  active = [layoutOf(2, 100), layoutOf(3, 120)]
  for (const custody of [first, new Custody(openDb(store), cluster, 'one')]) {
    assert.equal(custody.look().gained.length, 20)
    assert.throws(() => custody.assertHeld(100), { code: 'NotReady' })
    assert.throws(() => custody.assertHeldEverywhere(), { code: 'NotReady' })
    custody.assertHeld(99)
  }
  const next = new Custody(openDb(store), cluster, 'one')
  await next.note()
  // Until they were emptied, whatever comes; also where it was cut off there.
  active = [layoutOf(2, 100), layoutOf(3, 120), layoutOf(4, 120)]
  const last = new Custody(openDb(store), cluster, 'one')
  assert.equal(last.look().gained.length, 20)
  await last.note()
  await last.take(last.look().gained)
  last.assertHeldEverywhere()
  assert.deepEqual(last.look().gained, [])
  await last.note()
  assert.deepEqual(new Custody(openDb(store), cluster, 'one').look().gained, [])
})

test('a node that was there all along keeps what one layout in between takes from it', async () => {
  let active = [layoutOf(1, 120)]
  const cluster = clusterOf(() => active)
  const custody = new Custody(openDb(new MemoryStore()), cluster, 'one')
  await custody.note()
  active = [layoutOf(1, 120), layoutOf(2, 100), layoutOf(3, 120)]
  await custody.note()
  assert.deepEqual(custody.look().gained, [])
  active = [layoutOf(2, 100), layoutOf(3, 120)]
  assert.deepEqual(custody.look().gained, [])
  await custody.note()
  assert.deepEqual(custody.look().gained, [])
})

test('what one layout took is not kept for the next one, though it was not thrown away yet', async () => {
  let active = [layoutOf(1, 120)]
  const cluster = clusterOf(() => active)
  const custody = new Custody(openDb(new MemoryStore()), cluster, 'one')
  await custody.note()
  active = [layoutOf(2, 100)]
  await custody.note()
  active = [layoutOf(2, 100), layoutOf(3, 120)]
  assert.equal(custody.look().gained.length, 20)
})

test('a node that stands alone notes nothing', async () => {
  const store = new MemoryStore()
  const custody = new Custody(
    openDb(store),
    clusterOf(() => [layoutOf(0, 256)]),
    'one',
  )
  await custody.note()
  assert.equal(store.get(CUSTODY_ROW), undefined)
})
