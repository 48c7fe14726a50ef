import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LAYOUT_PARTITION } from '../../../src/cluster/cluster.ts'
import type { Batch, Db, Tree } from '../../../src/db/db.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { localMerged } from '../../../src/table/owner/merged.ts'
import { localTable } from '../../../src/table/owner/local.ts'
import { indexText, packMerged, packRegister, packSide } from '../../../src/table/row.ts'
import {
  defineMerged,
  defineRegister,
  type MergedTable,
  type Placement,
  type RegisterTable,
} from '../../../src/table/schema.ts'
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
    options: { db, registers: new Map(), merged, forget: () => undefined },
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

const words = localTable(
  defineRegister<string>({
    ...{ name: 'word', tag: 'w', placement: 'hash', version: 1 },
    sides: [{ name: 'note', tag: 'n', isNamed: (text, sortKey) => text === sortKey }],
    indexes: [{ name: 'all', tag: 'i', line: (text) => text }],
    encode: (text) => text,
    decode: (stored) => stored as string,
    commands: {},
  }) as RegisterTable<unknown>,
)
const line = words.indexes.get('all')!.tree
const notes = words.sides.get('note')!

/** As an accept writes it: the register, its line, its side row. */
function accept(batch: Batch, key: string, text: string): void {
  const ballot = { layout: 1, readmissions: 0, time: 1, node: 'f'.repeat(16) }
  const row = { ballot, operations: [], sides: [], version: 1, value: text }
  batch.put(words.rows, `01p\0${key}`, packRegister(row))
  batch.put(line, `01p\0${key}`, indexText(text, ballot))
  batch.put(notes, `01p\0${key}\0${text}`, packSide('content'))
}

/** Registers whose database does something before it is read. */
function wordsWith(
  before: (tree: Tree, db: Db) => Promise<void>,
): EmptyOptions & { readonly plain: Db } {
  const plain = openMemoryDb({ clock: systemClock, onFatal: (fault) => assert.fail(fault) })
  const db: Db = {
    ...{ get: plain.get.bind(plain), getStable: plain.getStable.bind(plain) },
    ...{ pending: plain.pending.bind(plain), write: plain.write.bind(plain) },
    close: () => plain.close(),
    range: async (tree, options) => {
      await before(tree, plain)
      return plain.range(tree, options)
    },
  }
  const registers = new Map([['word', words]])
  return { db, plain, registers, merged: new Map(), forget: () => undefined }
}

const keysOf = async (db: Db, tree: Tree<string | Uint8Array>): Promise<string[]> =>
  (await db.range(tree, { gte: '', limit: 1000 })).map(({ key }) => key)

test('a register that is accepted while the others go keeps its line and its side rows', async () => {
  let isThere = false
  const options = wordsWith(async (tree, db) => {
    // The registers are through.
    if (isThere || tree.tag === words.rows.tag) return
    isThere = true
    await db.write((batch) => accept(batch, 'a', 'anew'))
  })
  const { plain } = options
  await plain.write((batch) => {
    for (const key of ['a', 'b']) accept(batch, key, 'old')
  })
  await emptyPartitions(options, [1], signal)
  assert.ok(isThere)
  assert.deepEqual(await keysOf(plain, words.rows), ['01p\0a'])
  assert.deepEqual(await keysOf(plain, line), ['01p\0a'])
  assert.deepEqual(await keysOf(plain, notes), ['01p\0a\0anew'])
})

test('emptyPartitions() tells of each register in the batch that takes it', async () => {
  const { plain, ...options } = wordsWith(() => Promise.resolve())
  const told: string[] = []
  const forget: EmptyOptions['forget'] = (local, unit): void => {
    // A row that is remembered behind it would be taken for what lies here by the next accept.
    assert.notEqual(plain.get(local.rows, unit), undefined)
    told.push(unit)
  }
  await plain.write((batch) => {
    for (const key of ['a', 'b']) accept(batch, key, 'old')
  })
  await emptyPartitions({ ...options, forget }, [1], signal)
  assert.deepEqual(told, ['01p\0a', '01p\0b'])
  assert.equal(plain.get(words.rows, '01p\0a'), undefined)
})

test('emptyPartitions() ends though rows come as fast as they go', async () => {
  let reads = 0
  const options = wordsWith(async (tree, db) => {
    reads += 1
    assert.ok(reads < 50, 'it begins anew again and again')
    if (tree.tag === words.rows.tag) await db.write((batch) => accept(batch, 'a', `${reads}`))
  })
  await options.plain.write((batch) => accept(batch, 'b', 'old'))
  await emptyPartitions(options, [1], signal)
  const [rows, lines] = [words.rows, line].map((tree) =>
    keysOf(options.plain, tree as Tree<Uint8Array>),
  )
  assert.deepEqual(await rows, await lines)
})

test('partitions without rows cost nothing', async () => {
  const { options, put, reads } = fixture()
  await put(hashed.rows, ['7fp\0a'])
  const all = Array.from({ length: LAYOUT_PARTITION + 1 }, (_, partition) => partition)
  await emptyPartitions(options, all, signal)
  assert.ok(reads() < 10, `${reads()} reads`)
})
