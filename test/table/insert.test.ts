import assert from 'node:assert/strict'
import { test } from 'node:test'
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
