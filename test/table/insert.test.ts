import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeId } from '../../src/base/ids.ts'
import { fixedCluster } from '../../src/cluster/lone.ts'
import { defineMerged, type MergedTable } from '../../src/table/schema.ts'
import { ids, threeOwners, type Three } from './three.ts'

const tallies = defineMerged<number>({
  ...{ name: 'tally', tag: 't', placement: 'hash', version: 1 },
  encode: (count) => count,
  decode: (stored) => stored as number,
  merge: Math.max,
  isTombstone: () => false,
})
const key = { partitionKey: 'p', sortKey: 's' }

/** Only node 0 is read, and it could not be reached when the others were told of 5. */
async function onlyUnread(): Promise<Three> {
  const three = await threeOwners([tallies as MergedTable<unknown>], () => ids, [ids[0]!])
  await three.done(three.tables[0]!.insert(tallies, [{ ...key, row: 1 }]))
  three.part(0)
  const cut = three.tables[1]!.insert(tallies, [{ ...key, row: 5 }])
  await assert.rejects(three.done(cut), { code: 'QuorumNotReached' })
  three.heal()
  return three
}

test('a read of every layout shows what only owners that are not read hold, and then all do', async () => {
  const three = await onlyUnread()
  const tables = three.tables[0]!
  assert.deepEqual(await three.done(tables.read(tallies, [key])), [1])
  assert.deepEqual(await three.done(tables.read(tallies, [key], { everyLayout: true })), [5])
  assert.deepEqual(await three.done(tables.read(tallies, [key])), [5])
})

test('a range of every layout shows what only owners that are not read hold, and then all do', async () => {
  const three = await onlyUnread()
  const tables = three.tables[0]!
  const range = (everyLayout: boolean): Promise<unknown> =>
    three.done(tables.range(tallies, key.partitionKey, { limit: 10, everyLayout }))
  assert.deepEqual(await range(false), [{ ...key, row: 1 }])
  assert.deepEqual(await range(true), [{ ...key, row: 5 }])
  assert.deepEqual(await range(false), [{ ...key, row: 5 }])
})

/** Of a row with node 0 alone; the two others cannot be reached when this returns. */
async function aloneAhead(): Promise<Three> {
  const three = await threeOwners([tallies as MergedTable<unknown>])
  three.part(0)
  const cut = three.tables[0]!.insert(tallies, [{ ...key, row: 5 }])
  await assert.rejects(three.done(cut), { code: 'QuorumNotReached' })
  return three
}

test('a row that one owner holds a later one of, and no quorum at all, is not outranked', async () => {
  const three = await aloneAhead()
  const tables = three.tables[0]!
  const insert = (): Promise<void> => tables.insert(tallies, [{ ...key, row: 3 }])
  await assert.rejects(three.done(insert()), { code: 'QuorumNotReached' })
  three.heal()
  three.part(2)
  await assert.rejects(three.done(insert()), { code: 'Outranked' })
  // It says that a quorum holds it, or what came later.
  assert.deepEqual(await three.done(three.tables[1]!.read(tallies, [key])), [5])
})

test('of several rows one that is outranked does not hide one that no quorum holds', async () => {
  const three = await threeOwners([tallies as MergedTable<unknown>])
  const tables = three.tables[0]!
  await three.done(tables.insert(tallies, [{ ...key, row: 5 }]))
  const rows = [
    { ...key, row: 3 },
    { ...key, sortKey: 'u', row: 1 },
  ]
  await assert.rejects(three.done(tables.insert(tallies, rows)), { code: 'Outranked' })
  assert.deepEqual(await three.done(tables.read(tallies, [{ ...key, sortKey: 'u' }])), [1])
  three.part(1)
  three.part(2)
  await assert.rejects(three.done(tables.insert(tallies, rows)), { code: 'QuorumNotReached' })
})

test('what a guard lets in once a newer epoch began is not counted by the owners of before alone', async () => {
  let lists: readonly (readonly NodeId[])[] = [ids.slice(0, 2)]
  let layout = 0
  let arrived: () => void = () => undefined
  const block = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const guarded = defineMerged<number>({
    ...tallies,
    guard: async (_row, proceed) => {
      await block
      await proceed()
      return undefined
    },
  })
  const three = await threeOwners(
    [guarded as MergedTable<unknown>],
    ...([undefined, undefined] as const),
    (self) => ({
      ...fixedCluster(self, [ids]),
      epoch: () => ({ layout, readmissions: 0 }),
      owners: () => lists,
      readers: () => lists[0]!,
      readVersion: () => 0,
    }),
  )
  const insert = three.tables[0]!.insert(guarded, [{ ...key, row: 5 }])
  await three.world.run(1_000, () => false)
  // The third gathers what lies with the others, and is complete: nobody asks them again.
  lists = [ids.slice(0, 2), [ids[2]!]]
  layout = 1
  arrived()
  await three.done(insert)
  const { rows } = await three.done(three.tables[2]!.localRows(guarded, undefined, 10))
  assert.deepEqual(
    rows.map(({ row }) => row),
    [5],
  )
})
