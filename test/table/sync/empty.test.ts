import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LAYOUT_PARTITION } from '../../../src/cluster/cluster.ts'
import type { Db, Tree } from '../../../src/db/db.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { localMerged } from '../../../src/table/owner/merged.ts'
import { packMerged } from '../../../src/table/row.ts'
import { defineMerged, type MergedTable, type Placement } from '../../../src/table/schema.ts'
import { emptyPartitions, type EmptyOptions } from '../../../src/table/sync/empty.ts'

const { signal } = new AbortController()

function tallies(name: string, tag: string, placement: Placement): MergedTable<number> {
  return defineMerged<number>({
    ...{ name, tag, placement, version: 1 },
    encode: (count) => count,
    decode: (stored) => stored as number,
    merge: Math.max,
    isTombstone: () => false,
  })
}

const hashed = localMerged(tallies('hashed', 'h', 'hash') as MergedTable<unknown>)
const common = localMerged(tallies('common', 'c', 'cluster') as MergedTable<unknown>)

interface Fixture {
  readonly options: EmptyOptions
  /** How often rows were read. */
  readonly reads: () => number
  readonly put: (tree: Tree<Uint8Array>, keys: readonly string[]) => Promise<void>
  readonly left: (tree: Tree<Uint8Array>) => Promise<readonly string[]>
}

function fixture(): Fixture {
  const plain = openMemoryDb({ clock: systemClock, onFatal: (fault) => assert.fail(fault) })
  let reads = 0
  const db: Db = {
    ...{ get: plain.get.bind(plain), getStable: plain.getStable.bind(plain) },
    ...{ pending: plain.pending.bind(plain), write: plain.write.bind(plain) },
    close: () => plain.close(),
    range: (tree, options) => {
      reads += 1
      return plain.range(tree, options)
    },
  }
  const merged = new Map([hashed, common].map((local) => [local.table.name, local]))
  return {
    options: { db, registers: new Map(), merged },
    reads: () => reads,
    put: (tree, keys) =>
      plain.write((batch) => {
        for (const key of keys) batch.put(tree, key, packMerged(1, 1))
      }),
    left: async (tree) => (await plain.range(tree, { gte: '', limit: 1000 })).map(({ key }) => key),
  }
}

test('emptyPartitions() takes the rows of the partitions named and no others', async () => {
  const { options, put, left } = fixture()
  await put(hashed.rows, ['00p\0a', '01p\0a', '01p\0b', '02p\0a', 'ffp\0a'])
  await emptyPartitions(options, [255, 1, 3], signal)
  assert.deepEqual(await left(hashed.rows), ['00p\0a', '02p\0a'])
})

test('rows of every node and rows of a partition whose digits begin alike are told apart', async () => {
  const { options, put, left } = fixture()
  await put(hashed.rows, ['100p\0a', '20p\0a'])
  await put(common.rows, ['100layout\0'])
  await emptyPartitions(options, [LAYOUT_PARTITION], signal)
  assert.deepEqual(await left(hashed.rows), ['100p\0a', '20p\0a'])
  assert.deepEqual(await left(common.rows), [])
  await put(common.rows, ['100layout\0'])
  await emptyPartitions(options, [16, 32], signal)
  assert.deepEqual(await left(hashed.rows), [])
  assert.deepEqual(await left(common.rows), ['100layout\0'])
})

test('partitions without rows cost nothing', async () => {
  const { options, put, reads } = fixture()
  await put(hashed.rows, ['7fp\0a'])
  const all = Array.from({ length: LAYOUT_PARTITION + 1 }, (_, partition) => partition)
  await emptyPartitions(options, all, signal)
  assert.ok(reads() < 10, `${reads()} reads`)
})
