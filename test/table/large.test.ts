import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack } from '../../src/base/codec.ts'
import { silentLog } from '../../src/base/log.ts'
import { MESSAGE_BYTES_MAX } from '../../src/base/limits.ts'
import { defineMerged, defineRegister } from '../../src/table/schema.ts'
import type { IndexEntry } from '../../src/table/table.ts'
import { threeOwners, type Three } from './three.ts'

interface Book {
  readonly text: string
  /** Notes that lie beside it. */
  readonly notes: readonly string[]
}

const books = defineRegister<Book>({
  name: 'book',
  tag: 'b',
  placement: 'hash',
  sides: [{ name: 'note', tag: 'n', isNamed: ({ notes }, sortKey) => notes.includes(sortKey) }],
  indexes: [{ name: 'all', tag: 'i', line: ({ text }) => (text === '' ? undefined : text) }],
  version: 1,
  encode: ({ text, notes }) => [text, notes],
  decode: (stored) => {
    const [text, notes] = stored as [string, string[]]
    return { text, notes }
  },
  commands: {
    set: {
      run: ({ value, args }) => ({
        ...{ kind: 'write', answer: 'set' },
        value: { text: args as string, notes: value?.notes ?? [] },
      }),
    },
    note: {
      run: ({ value, args }) => ({
        ...{ kind: 'write', answer: null },
        value: { text: value?.text ?? '', notes: [...(value?.notes ?? []), args as string] },
        sides: [{ side: 'note', sortKey: args as string, row: 'n'.repeat(200_000) }],
      }),
    },
  },
})

const leaves = defineMerged<string>({
  name: 'leaf',
  tag: 'l',
  placement: 'hash',
  version: 1,
  encode: (text) => text,
  decode: (stored) => stored as string,
  merge: (a, b) => (a > b ? a : b),
  isTombstone: () => false,
})

const at = (key: string): { table: typeof books; partitionKey: string; key: string } => ({
  ...{ table: books, partitionKey: 'p', key },
})
const long = 'x'.repeat(12_000)
const names = Array.from({ length: 800 }, (_, index) => `k${String(index).padStart(3, '0')}`)

async function setAll(three: Three, text: string): Promise<void> {
  const items = names.map((key) => ({ key, command: { name: 'set', args: text } }))
  const outcomes = await three.done(three.tables[1]!.changeMany(books, 'p', items))
  const wrong = outcomes.filter((outcome) => !('answer' in outcome && outcome.answer === 'set'))
  assert.deepEqual(wrong, [])
}

test('many registers whose rows do not fit one message are changed all the same', async () => {
  const three = await threeOwners([books, leaves])
  assert.ok(names.length * long.length > 2 * MESSAGE_BYTES_MAX)
  await setAll(three, long)
  await setAll(three, 'short')
  for (const tables of three.tables) {
    assert.equal((await three.done(tables.get(at('k799'))))?.text, 'short')
  }
})

test('registers that the owners differ on are changed too, long as they are', async () => {
  const three = await threeOwners([books, leaves])
  await setAll(three, long)
  three.part(2)
  await setAll(three, `${long}${long}`)
  three.heal()
  three.part(0)
  await setAll(three, 'short')
})

test('a page whose entries do not fit one message comes whole', async () => {
  const three = await threeOwners([books, leaves])
  await setAll(three, long)
  const entries: IndexEntry[] = []
  for (let after: string | undefined; ;) {
    const page = await three.done(
      three.tables[2]!.page(books, 'all', 'p', {
        ...(after === undefined ? {} : { after }),
        limit: 1000,
      }),
    )
    entries.push(...page.entries)
    if (page.done) break
    after = page.entries.at(-1)!.key
  }
  assert.deepEqual(
    entries.map(({ key }) => key),
    names,
  )
})

test('merged rows that do not fit one message are inserted, read and ranged over', async () => {
  const three = await threeOwners([books, leaves])
  const rows = names.map((sortKey) => ({ partitionKey: 'p', sortKey, row: long }))
  const [first, second, third] = three.tables
  await three.done(first!.insert(leaves, rows))
  const read = await three.done(second!.read(leaves, rows))
  assert.ok(read.every((row) => row === long))
  const ranged = await three.done(third!.range(leaves, 'p', { limit: 1000 }))
  assert.deepEqual(
    ranged.map(({ sortKey }) => sortKey),
    names,
  )
})

test('a register whose side rows do not fit one message is copied whole', async () => {
  const three = await threeOwners([books, leaves])
  const notes = Array.from({ length: 40 }, (_, index) => `n${index}`)
  three.part(2)
  for (const args of notes)
    await three.done(three.tables[0]!.change(at('a'), { name: 'note', args }))
  for (const key of ['b', 'c']) {
    await three.done(three.tables[0]!.change(at(key), { name: 'note', args: 'n0' }))
  }
  assert.ok(notes.length * pack('n'.repeat(200_000)).length > MESSAGE_BYTES_MAX)
  three.heal()
  const worker = three.tables[2]!.syncWorker({ log: silentLog, intervalMs: 1 })
  while ((await three.done(worker.work(new AbortController().signal))) === 'busy');
  const found = []
  for (let after: string | undefined; ;) {
    const slice = await three.tables[2]!.localSides({ name: 'note', tag: 'n' }, after, 100)
    found.push(...slice.rows.map(({ key, sortKey }) => `${key} ${sortKey}`))
    if ((after = slice.next) === undefined) break
  }
  const wanted = [...notes.map((sortKey) => `a ${sortKey}`), 'b n0', 'c n0']
  assert.deepEqual(found.sort(), wanted.sort())
})
