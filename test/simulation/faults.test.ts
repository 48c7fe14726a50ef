import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../src/base/ids.ts'
import { newcomer } from '../../src/cluster/layout/history.ts'
import { loneHistory } from '../../src/cluster/lone.ts'
import { depart, drawForecast, strike, type FaultKind } from '../../src/simulation/faults.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { World } from '../../src/simulation/world.ts'

const weather = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 1, usualMs: 1 }

/** Two nodes, the first an old copy, and what happens when a fault of that kind is to strike. */
function struckBy(
  kind: FaultKind,
  old: { readonly isOld: boolean; readonly readmittedAt: number },
) {
  const world = new World(new SeededRng(1), weather, false)
  const [a, b] = ['a', 'b'].map((digit) => nodeId(digit.repeat(64)))
  const nodes = new Map([[a!, { ...newcomer, readmittedAt: old.readmittedAt }]])
  const product = { layout: { members: { history: () => ({ active: [], nodes }) } } }
  let crashes = 0
  const make = (id: string, index: number, mustBeRemembered: boolean): unknown => ({
    ...{
      id,
      index,
      mustBeRemembered,
      product,
      present: { product, life: { jump: () => 0, freeze: () => 0 } },
    },
    ...{ disk: {}, hasLostRows: mustBeRemembered, crash: () => (crashes += 1), start: () => 0 },
  })
  const both = [make(a!, 0, old.isOld), make(b!, 1, false)] as SimulatedNode[]
  const forecast = { ...drawForecast(new SeededRng(1)), kinds: [kind] }
  const struck = strike({ world, nodes: both, forecast, isShrinking: () => false })
  return { struck, crashes }
}

test('while an old copy was not noticed, nobody ends or hides who remembers how far it had come', () => {
  for (const kind of ['freeze', 'cut', 'split'] as const) {
    assert.equal(struckBy(kind, { isOld: true, readmittedAt: 0 }).struck, undefined, kind)
  }
  assert.notEqual(struckBy('freeze', { isOld: true, readmittedAt: 2 }).struck, undefined)
  for (const kind of ['kill', 'power', 'blackout', 'unreadable', 'unsynced'] as const) {
    const during = struckBy(kind, { isOld: true, readmittedAt: 0 })
    assert.deepEqual(during, { struck: undefined, crashes: 0 }, kind)
    // Noticed, and let in again; and where nothing old was put back.
    assert.notEqual(struckBy(kind, { isOld: true, readmittedAt: 2 }).struck, undefined, kind)
    assert.notEqual(struckBy(kind, { isOld: false, readmittedAt: 0 }).struck, undefined, kind)
  }
  assert.equal(struckBy('blackout', { isOld: false, readmittedAt: 0 }).crashes, 2)
  assert.notEqual(struckBy('jump', { isOld: true, readmittedAt: 0 }).struck, undefined)
})

/** Nodes of a layout in which as many store, and what becomes of one that departs. */
function departing(storing: number, change: Partial<SimulatedNode> = {}, factor = 2) {
  const world = new World(new SeededRng(1), weather, false)
  const ids = ['a', 'b', 'c'].map((digit) => nodeId(digit.repeat(64)))
  const [layout] = loneHistory(ids[0]!, 'cluster').active
  const active = [{ ...layout!, version: 1, factor, storage: ids.slice(0, storing) }]
  const history = (): unknown => ({ active })
  const product = { layout: { members: { history } } }
  const done: string[] = []
  const nodes = ids.map((id) => ({
    ...{ id, product, hasBeenAway: false, ...change },
    present: {
      product,
      life: { freeze: () => done.push('freeze'), thaw: () => done.push('thaw') },
    },
    ...{ crash: () => done.push('kill'), start: () => done.push('start') },
    ...{ wipe: () => done.push('wipe'), keptHistory: history },
  })) as unknown as SimulatedNode[]
  const faults = { world, nodes, forecast: drawForecast(world.rng), isShrinking: () => false }
  const departures = Array.from({ length: 40 }, () => {
    const departed = depart(faults)
    // As if each were the first one.
    if (departed?.isGone === true) departed.node.hasLostRows = false
    return departed
  })
  for (const departed of departures) departed?.come()
  return { departures, done: new Set(done), nodes }
}

test('a node goes away only where enough others store, and all of them have their rows and bits', () => {
  const { departures, done, nodes } = departing(3)
  assert.ok(departures.every((departed) => departed?.node.hasBeenAway === true))
  // `present` stands here for one that somebody started meanwhile.
  assert.deepEqual(done, new Set(['freeze', 'kill', 'wipe', 'thaw']))
  assert.ok(nodes.every(({ hasBeenAway }) => hasBeenAway))
  // Where the only copy would be gone it is killed, or sleeps.
  const only = departing(3, {}, 1)
  assert.deepEqual(only.done, new Set(['freeze', 'kill', 'thaw']))
  assert.ok(only.departures.includes(undefined))
  for (const none of [
    departing(2),
    departing(3, { hasLostRows: true }),
    departing(3, { hasRotted: true }),
    departing(3, { isStopping: true }),
  ]) {
    assert.deepEqual([new Set(none.departures), none.done], [new Set([undefined]), new Set()])
  }
})

test('no drive rots of a node that is starting: it may have the only copies, and cannot be asked', () => {
  const world = new World(new SeededRng(1), weather, false)
  const forecast = { ...drawForecast(new SeededRng(1)), kinds: ['rot' as const] }
  let rotten = 0
  const rot = (): boolean => (rotten += 1) > 0
  const made = (isUp: boolean): SimulatedNode =>
    ({ present: {}, product: isUp ? {} : undefined, disk: { rot } }) as unknown as SimulatedNode
  const struck = (isUp: boolean): unknown => {
    const nodes = [made(isUp), made(true), made(true)]
    return strike({ world, nodes, forecast, isShrinking: () => false })
  }
  assert.deepEqual([struck(false), rotten], [undefined, 0])
  assert.notEqual(struck(true), undefined)
  assert.equal(rotten, 1)
})
