import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeId } from '../../../src/base/ids.ts'
import { silentLog } from '../../../src/base/log.ts'
import { Metrics } from '../../../src/base/metrics.ts'
import { defineRegister, indexTree } from '../../../src/table/schema.ts'
import { ids, threeOwners, type Three } from '../three.ts'

/** A word is there, or empty. */
const words = defineRegister<string>({
  name: 'word',
  tag: 'w',
  placement: 'hash',
  sides: [],
  indexes: [{ name: 'all', tag: 'i', line: (text) => (text === '' ? undefined : text) }],
  version: 1,
  encode: (text) => text,
  decode: (stored) => stored as string,
  isTombstone: (text) => text === '',
  commands: {
    set: { run: ({ args }) => ({ kind: 'write', answer: null, value: args as string }) },
  },
})

const SPAN_MS = 30_000

interface Collecting extends Three {
  /** One pass of the worker of node `index`. */
  collect(index: number): Promise<readonly NodeId[]>
  /** How many registers and index rows lie on each node. */
  left(): Promise<readonly (readonly [registers: number, entries: number])[]>
  set(key: string, text: string): Promise<void>
  /** However little happens meanwhile. */
  pass(ms: number): Promise<void>
  /** Sends an accept to node `index` as the first node would. */
  accept(index: number, body: unknown): Promise<readonly { readonly kind: string }[]>
}

async function openThree(): Promise<Collecting> {
  const three = await threeOwners([words])
  const { world, tables, dbs, networks } = three
  const done: Three['done'] = (work) => three.done(work)
  const workers = tables.map((each) =>
    each.collectWorker({ intervalMs: 1, metrics: new Metrics() }),
  )
  const { signal } = new AbortController()
  return {
    ...three,
    collect: async (index) => {
      while ((await done(workers[index]!.work(signal))) === 'busy');
      return workers[index]!.status().waitingFor
    },
    left: () =>
      Promise.all(
        tables.map(async (each, index) => {
          const { rows } = await done(each.localRegisters(words, undefined, 100))
          const entries = await done(
            dbs[index]!.range(indexTree(words.indexes[0]!), { limit: 100 }),
          )
          return [rows.length, entries.length] as const
        }),
      ),
    set: async (key, text) => {
      const ref = { table: words, partitionKey: 'p', key }
      await done(tables[0]!.change(ref, { name: 'set', args: text }))
      // Until all owners have it.
      await world.run(100, () => false)
    },
    pass: async (ms) => {
      world.after(ms, () => undefined)
      await world.run(ms, () => false)
    },
    accept: async (index, body) => {
      const envelope = { format: 1, layout: 1, readmissions: 0, time: tables[0]!.now(), body }
      const sent = networks[0]!.call(ids[index]!, 'table/accept', envelope, { deadlineMs: 100 })
      const answer = (await done(sent as Promise<unknown>)) as { readonly body: unknown }
      return answer.body as readonly { readonly kind: string }[]
    },
  }
}

test('a register that holds nothing goes from every owner, the others stay', async () => {
  const three = await openThree()
  await three.set('kept', 'one')
  await three.set('gone', 'two')
  await three.set('gone', '')
  await three.world.run(1000, () => false)
  await three.collect(0)
  // Its operation may be tried again for as long as the span.
  assert.deepEqual(await three.left(), Array(3).fill([2, 2]))
  await three.pass(3 * SPAN_MS)
  assert.deepEqual(await three.collect(0), [])
  assert.deepEqual(await three.left(), Array(3).fill([1, 1]))
  assert.equal(await three.done(get(three, 'gone')), undefined)
  await three.set('gone', 'three')
  assert.equal(await three.done(get(three, 'gone')), 'three')
})

test('an owner that is away keeps everything where it is, and is named', async () => {
  const three = await openThree()
  await three.set('gone', 'one')
  await three.set('gone', '')
  await three.pass(3 * SPAN_MS)
  three.part(2)
  assert.deepEqual(await three.collect(0), [ids[2]])
  assert.deepEqual(await three.left(), Array(3).fill([1, 1]))
  three.heal()
  assert.deepEqual(await three.collect(0), [])
  assert.deepEqual(await three.left(), Array(3).fill([0, 0]))
})

test('an owner that missed the deletion and holds the older row keeps it from being collected', async () => {
  const three = await openThree()
  await three.set('gone', 'one')
  await three.world.run(1000, () => false)
  three.part(2)
  await three.set('gone', '')
  three.heal()
  await three.pass(3 * SPAN_MS)
  await three.collect(0)
  assert.deepEqual((await three.left())[0], [1, 1])
  const sync = three.tables[2]!.syncWorker({ log: silentLog, intervalMs: 1 })
  while ((await three.done(sync.work(new AbortController().signal))) === 'busy');
  await three.collect(0)
  assert.deepEqual(await three.left(), Array(3).fill([0, 0]))
})

test('an accept that was on its way for too long finds the floor', async () => {
  const three = await openThree()
  await three.set('gone', 'one')
  const time = three.tables[0]!.now()
  await three.set('gone', '')
  await three.pass(3 * SPAN_MS)
  await three.collect(0)
  const ballot = { layout: 1, readmissions: 0, time, node: ids[0]!.slice(0, 16) }
  const row = { ballot, operations: [], sides: [], version: 1, value: 'late' }
  const body = {
    ...{ table: 'word', partitionKey: 'p' },
    items: [{ key: 'gone', row, sides: [], base: null }],
  }
  const results = await three.accept(2, body)
  assert.deepEqual(
    results.map(({ kind }) => kind),
    ['refused'],
  )
  assert.deepEqual(await three.left(), Array(3).fill([0, 0]))
})

function get(three: Three, key: string): Promise<string | undefined> {
  return Promise.resolve(three.tables[1]!.get({ table: words, partitionKey: 'p', key }))
}
