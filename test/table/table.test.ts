import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import { HybridClock } from '../../src/base/timestamp.ts'
import { loneCluster } from '../../src/cluster/lone.ts'
import type { Db } from '../../src/db/db.ts'
import { MemoryStore } from '../../src/db/memory.ts'
import { openMemoryDb } from '../../src/db/open.ts'
import { LoopbackNetwork } from '../../src/net/loopback.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { defineMerged, defineRegister, indexTree, type Plain } from '../../src/table/schema.ts'
import { hybridStart, openTables, type OpenTables } from '../../src/table/table.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'

interface Word {
  readonly text: string | undefined
  readonly rooms: readonly string[]
}

/** What the hook of rows that go was told. */
const dropped: string[] = []

const words = defineRegister<Word>({
  name: 'word',
  tag: 'w',
  placement: 'hash',
  sides: [{ name: 'room', tag: 'x', isNamed: () => true }],
  indexes: [{ name: 'texts', tag: 'i', line: ({ text }) => text }],
  version: 1,
  encode: ({ text, rooms }) => [text ?? null, rooms],
  decode: (stored) => {
    const [text, rooms] = stored as [string | null, readonly string[]]
    return { text: text ?? undefined, rooms }
  },
  dropped: (_batch, { key, before }) => void dropped.push(`${key} ${before.text}`),
  commands: {
    set: {
      run: ({ value, args, ballot }) => ({
        kind: 'write',
        value: { text: args as string | undefined, rooms: value?.rooms ?? [] },
        answer: ballot.time,
      }),
    },
    create: {
      run: ({ value, args }) =>
        value?.text === undefined
          ? { kind: 'write', value: { text: args as string, rooms: [] }, answer: 'made' }
          : { kind: 'refuse', code: 'Exists', details: { text: value.text } },
    },
    open: {
      run: ({ value, args }) => ({
        kind: 'write',
        value: { text: value?.text, rooms: [args as string] },
        sides: [{ side: 'room', sortKey: args as string, row: { name: args } }],
        answer: null,
      }),
    },
    shut: {
      reads: (args) => [{ side: 'room', sortKey: args as string }],
      run: ({ value, args, sides }) => ({
        kind: 'write',
        value: { text: value?.text, rooms: [] },
        sides: [{ side: 'room', sortKey: args as string, row: undefined }],
        answer: sides[0] ?? null,
      }),
    },
  },
})

const tallies = defineMerged<{ count: number; gone: boolean }>({
  name: 'tally',
  tag: 't',
  placement: 'first-byte',
  version: 1,
  encode: ({ count, gone }) => [count, gone],
  decode: (stored) => {
    const [count, gone] = stored as [number, boolean]
    return { count, gone }
  },
  merge: (a, b) => ({ count: Math.max(a.count, b.count), gone: a.gone || b.gone }),
  isTombstone: ({ gone }) => gone,
})

const self = nodeId('ab'.repeat(32))

/** Each life draws its own operation ids. */
let lives = 0

async function openLone(
  store = new MemoryStore(),
): Promise<{ tables: OpenTables; store: MemoryStore; network: LoopbackNetwork; db: Db }> {
  const onFatal = (fault: Error): void => assert.fail(fault.message)
  const db = openMemoryDb({ store, clock: systemClock, onFatal })
  const network = new LoopbackNetwork(self)
  const tables = openTables({
    db,
    clock: systemClock,
    hybrid: new HybridClock(systemClock, hybridStart(db)),
    rng: new SeededRng((lives += 1)),
    network,
    cluster: loneCluster(self),
    log: silentLog,
    tables: [words, tallies],
  })
  await tables.start()
  return { tables, store, network, db }
}

function at(key: string): { table: typeof words; partitionKey: string; key: string } {
  return { table: words, partitionKey: 'p.0', key }
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: { code: string; details: { code?: string } }) => error.details.code ?? error.code,
  )
}

test('get() of a node alone is synchronous and shows what change() answered for', async () => {
  const { tables } = await openLone()
  assert.equal(tables.get(at('a')), undefined)
  await tables.change(at('a'), { name: 'set', args: 'one' })
  assert.deepEqual(tables.get(at('a')), { text: 'one', rooms: [] })
})

test('change() gives every version of a key a later time', async () => {
  const { tables } = await openLone()
  const times = await Promise.all(
    [1, 2, 3, 4, 5].map((text) => tables.change(at('a'), { name: 'set', args: `${text}` })),
  )
  const sorted = [...new Set(times as number[])].sort((a, b) => a - b)
  assert.deepEqual(times, sorted)
})

test('change() lets one of many creators win and refuses the others', async () => {
  const { tables } = await openLone()
  const made = await Promise.allSettled(
    Array.from({ length: 16 }, (_, index) =>
      tables.change(at('a'), { name: 'create', args: `${index}` }),
    ),
  )
  assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1)
  assert.equal(await codeOf(tables.change(at('a'), { name: 'create', args: 'x' })), 'Exists')
})

test('change() recognises an operation that it has done before', async () => {
  const { tables } = await openLone()
  const first = await tables.change(at('a'), { name: 'set', args: 'one' }, { operation: 'op' })
  await tables.change(at('a'), { name: 'set', args: 'two' })
  const again = await tables.change(at('a'), { name: 'set', args: 'one' }, { operation: 'op' })
  assert.equal(again, first)
  assert.deepEqual(tables.get(at('a')), { text: 'two', rooms: [] })
})

test('change() makes no attempt further than the span from firstTime', async () => {
  const { tables } = await openLone()
  const firstTime = tables.now() - 31_000_000
  const work = tables.change(at('a'), { name: 'set', args: 'one' }, { firstTime })
  assert.equal(await codeOf(work), 'QuorumNotReached')
  assert.equal(tables.get(at('a')), undefined)
})

test('changeMany() answers for each item, a key named twice one after the other', async () => {
  const { tables } = await openLone()
  const outcomes = await tables.changeMany(words, 'p.0', [
    { key: 'a', command: { name: 'create', args: '1' } },
    { key: 'b', command: { name: 'create', args: '2' } },
    { key: 'a', command: { name: 'create', args: '3' } },
  ])
  const told = outcomes.map((outcome) => ('answer' in outcome ? outcome.answer : 'refused'))
  assert.deepEqual(told, ['made', 'made', 'refused'])
})

test('getSides() shows a side row until the change that ends it', async () => {
  const { tables } = await openLone()
  const side = { side: 'room', sortKey: 'r1' }
  await tables.change(at('a'), { name: 'open', args: 'r1' })
  assert.deepEqual(await tables.getSides(at('a'), [side]), [{ name: 'r1' }])
  assert.deepEqual(await tables.change(at('a'), { name: 'shut', args: 'r1' }), { name: 'r1' })
  await tables.change(at('b'), { name: 'set', args: 'a later group' })
  assert.deepEqual(await tables.getSides(at('a'), [side]), [undefined])
  const { rows } = await tables.localSides({ name: 'room', tag: 'x' }, undefined, 10)
  assert.deepEqual(rows, [])
})

test('settle() drops the side rows that a crash left of a change that ended them', async () => {
  const { tables, store } = await openLone()
  const room = { name: 'room', tag: 'x' }
  await tables.change(at('a'), { name: 'open', args: 'r1' })
  await tables.change(at('a'), { name: 'shut', args: 'r1' })
  store.crash('lose')
  const next = await openLone(store)
  assert.equal((await next.tables.localSides(room, undefined, 10)).rows.length, 1, 'it was left')
  await next.tables.settle(at('a'))
  await next.tables.change(at('b'), { name: 'set', args: 'a later group' })
  assert.deepEqual((await next.tables.localSides(room, undefined, 10)).rows, [])
})

test('a sole owner keeps nothing in an index of what is not listed any more', async () => {
  const { tables, db } = await openLone()
  const tree = indexTree(words.indexes[0]!)
  await tables.change(at('a'), { name: 'set', args: 'here' })
  assert.equal((await db.range(tree, { limit: 10 })).length, 1)
  await tables.change(at('a'), { name: 'set', args: undefined })
  assert.deepEqual(await db.range(tree, { limit: 10 }), [])
})

test('page() walks live entries in byte order and knows the end', async () => {
  const { tables } = await openLone()
  const keys = ['a', 'b', 'c', '\uffee', '\u{1f600}']
  for (const key of keys) await tables.change(at(key), { name: 'set', args: `=${key}` })
  await tables.change(at('b'), { name: 'set', args: undefined })
  const page = (options: { from?: string; after?: string; limit: number }): Promise<unknown> =>
    tables.page(words, 'texts', 'p.0', options)
  const entry = (key: string): object => ({ key, line: `=${key}` })
  assert.deepEqual(await page({ limit: 10 }), {
    entries: ['a', 'c', '\uffee', '\u{1f600}'].map(entry),
    done: true,
  })
  assert.deepEqual(await page({ limit: 2 }), { entries: ['a', 'c'].map(entry), done: false })
  assert.deepEqual(await page({ limit: 2, after: 'c' }), {
    entries: ['\uffee', '\u{1f600}'].map(entry),
    done: true,
  })
  assert.deepEqual(await page({ limit: 1, from: 'c' }), { entries: [entry('c')], done: false })
})

test('settle() of a register that was never written keeps it so, under a ballot', async () => {
  const { tables } = await openLone()
  assert.equal(await tables.settle(at('a')), undefined)
  assert.equal(tables.get(at('a')), undefined)
  const { rows } = await tables.localRegisters(words, undefined, 10)
  assert.deepEqual(
    rows.map(({ key, value }) => ({ key, value })),
    [{ key: 'a', value: undefined }],
  )
})

test('a row that was accepted and never chosen is taken back when there is to be none', async () => {
  const { tables, network } = await openLone()
  const time = tables.now()
  const accept = async (row: { version: number; value: Plain }, at: number): Promise<void> => {
    const ballot = { layout: 1, readmissions: 0, time: time + at, node: 'ab' }
    const item = { key: 'k', row: { ballot, operations: [], sides: [], ...row }, sides: [] }
    const body = { table: 'word', partitionKey: 'p.0', items: [{ ...item, base: null }] }
    const message = { format: 1, layout: 1, readmissions: 0, time, body }
    await network.call(self, 'table/accept', message, { deadlineMs: 100 })
  }
  await accept({ version: 1, value: ['lost', []] }, 1)
  assert.deepEqual(dropped, [])
  await accept({ version: 0, value: null }, 2)
  assert.deepEqual(dropped, ['k lost'])
  assert.equal(tables.get(at('k')), undefined)
})

test('insert() is held as the winner, or says that a later row is there', async () => {
  const { tables } = await openLone()
  const key = { partitionKey: 'ff00', sortKey: 's' }
  await tables.insert(tallies, [{ ...key, row: { count: 3, gone: false } }])
  await tables.insert(tallies, [{ ...key, row: { count: 3, gone: false } }])
  const lower = tables.insert(tallies, [{ ...key, row: { count: 2, gone: false } }])
  assert.equal(await codeOf(lower), 'Outranked')
  assert.deepEqual(await tables.read(tallies, [key, { ...key, sortKey: 'none' }]), [
    { count: 3, gone: false },
    undefined,
  ])
})

test('range() of merged rows stays within its partition key', async () => {
  const { tables } = await openLone()
  const row = { count: 1, gone: false }
  const keys = ['ff', 'ff00', 'ff01'].flatMap((partitionKey) =>
    ['a', 'b', 'c'].map((sortKey) => ({ partitionKey, sortKey })),
  )
  await tables.insert(
    tallies,
    keys.map((key) => ({ ...key, row })),
  )
  assert.deepEqual(
    await tables.range(tallies, 'ff00', { after: 'a', limit: 5 }),
    ['b', 'c'].map((sortKey) => ({ partitionKey: 'ff00', sortKey, row })),
  )
})

test('openTables() starts a hybrid clock and floor at what the last life answered to', async () => {
  const store = new MemoryStore()
  const first = await openLone(store)
  const before = (await first.tables.change(at('a'), { name: 'set', args: 'one' })) as number
  store.crash('lose')
  const second = await openLone(store)
  assert.ok(second.tables.now() > before)
  assert.deepEqual(second.tables.get(at('a')), { text: 'one', rooms: [] })
  const after: Plain = await second.tables.change(at('a'), { name: 'set', args: 'two' })
  assert.ok((after as number) > before)
})

test('stop() leaves no mark ahead of the highest ballot', async () => {
  const store = new MemoryStore()
  const { tables } = await openLone(store)
  const time = (await tables.change(at('a'), { name: 'set', args: 'one' })) as number
  await tables.stop()
  const onFatal = (): void => assert.fail('a write failed')
  const db = openMemoryDb({ store, clock: systemClock, onFatal })
  assert.equal(hybridStart(db), time)
})

test('a walk names the rows of every placement by the keys that they were written with', async () => {
  for (const placement of ['hash', 'first-byte', 'cluster'] as const) {
    const db = openMemoryDb({ clock: systemClock, onFatal: (fault) => assert.fail(fault) })
    const network = new LoopbackNetwork(self)
    const cluster = loneCluster(self)
    const notes = defineRegister({ ...words, placement })
    const sums = defineMerged({ ...tallies, placement })
    const tables = openTables({
      ...{ db, network, cluster, clock: systemClock, log: silentLog },
      hybrid: new HybridClock(systemClock, hybridStart(db)),
      rng: new SeededRng(1),
      tables: [notes, sums],
    })
    await tables.start()
    const partitionKey = '00'.repeat(32)
    await tables.change({ table: notes, partitionKey, key: 'a' }, { name: 'set', args: 'one' })
    await tables.insert(sums, [{ partitionKey, sortKey: 's', row: { count: 1, gone: false } }])
    const { rows: registers } = await tables.localRegisters(notes, undefined, 10)
    const { rows: merged } = await tables.localRows(sums, undefined, 10)
    const named = [registers[0]?.partitionKey, registers[0]?.key, merged[0]?.partitionKey]
    assert.deepEqual(named, [partitionKey, 'a', partitionKey], placement)
    await tables.stop()
  }
})
