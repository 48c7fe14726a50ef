import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId, type NodeId } from '../../../src/base/ids.ts'
import { silentLog } from '../../../src/base/log.ts'
import { Metrics } from '../../../src/base/metrics.ts'
import { HybridClock } from '../../../src/base/timestamp.ts'
import { fixedCluster } from '../../../src/cluster/lone.ts'
import type { Db } from '../../../src/db/db.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { SimulatedNetwork, type Directory } from '../../../src/simulation/network.ts'
import { SeededRng } from '../../../src/simulation/seeded-rng.ts'
import { Life, World } from '../../../src/simulation/world.ts'
import { defineRegister, indexTree } from '../../../src/table/schema.ts'
import { hybridStart, openTables, type OpenTables } from '../../../src/table/table.ts'

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

const ids = ['a', 'b', 'c'].map((digit) => nodeId(digit.repeat(64)))
const fair = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 1, usualMs: 1 }
const SPAN_MS = 30_000

interface Three {
  readonly world: World
  readonly tables: readonly OpenTables[]
  readonly dbs: readonly Db[]
  /** One pass of the worker of node `index`. */
  collect(index: number): Promise<readonly NodeId[]>
  /** How many registers and index rows lie on each node. */
  left(): Promise<readonly (readonly [registers: number, entries: number])[]>
  set(key: string, text: string): Promise<void>
  done<Value>(work: Promise<Value> | Value): Promise<Value>
  part(index: number): void
  /** Sends an accept to node `index` as the first node would. */
  accept(index: number, body: unknown): Promise<readonly { readonly kind: string }[]>
}

async function openThree(): Promise<Three> {
  const world = new World(new SeededRng(1), fair, true)
  const networks = new Map<NodeId, SimulatedNetwork>()
  const directory: Directory = { find: (node) => networks.get(node), all: () => ids }
  const dbs: Db[] = []
  const tables = ids.map((self, index) => {
    const life = new Life(world, 0)
    const network = new SimulatedNetwork({ world, life, self, directory })
    networks.set(self, network)
    const db = openMemoryDb({ clock: life, onFatal: (fault) => assert.fail(fault) })
    dbs.push(db)
    return openTables({
      ...{ db, network, clock: life, log: silentLog },
      hybrid: new HybridClock(life, hybridStart(db)),
      rng: new SeededRng(index + 1),
      cluster: fixedCluster(self, [ids], 1),
      tables: [words],
    })
  })
  const done = async <Value>(work: Promise<Value> | Value): Promise<Value> => {
    let isOver = false
    const ended = Promise.resolve(work).finally(() => (isOver = true))
    ended.catch(() => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    await world.run(120_000, () => isOver)
    assert.ok(isOver, 'it ends')
    return ended
  }
  for (const each of tables) await done(each.start())
  const workers = tables.map((each) =>
    each.collectWorker({ intervalMs: 1, metrics: new Metrics() }),
  )
  const { signal } = new AbortController()
  return {
    ...{ world, tables, dbs, done },
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
    accept: async (index, body) => {
      const envelope = { format: 1, layout: 1, readmissions: 0, time: tables[0]!.now(), body }
      const network = networks.get(ids[0]!)!
      const sent = network.call(ids[index]!, 'table/accept', envelope, { deadlineMs: 100 })
      const answer = (await done(sent as Promise<unknown>)) as { readonly body: unknown }
      return answer.body as readonly { readonly kind: string }[]
    },
    part: (index) => {
      for (const other of ids) {
        world.cuts.add(`${ids[index]} ${other}`)
        world.cuts.add(`${other} ${ids[index]}`)
      }
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
  await three.world.run(2 * SPAN_MS, () => false)
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
  await three.world.run(2 * SPAN_MS, () => false)
  three.part(2)
  assert.deepEqual(await three.collect(0), [ids[2]])
  assert.deepEqual(await three.left(), Array(3).fill([1, 1]))
  three.world.cuts.clear()
  assert.deepEqual(await three.collect(0), [])
  assert.deepEqual(await three.left(), Array(3).fill([0, 0]))
})

test('an owner that missed the deletion and holds the older row keeps it from being collected', async () => {
  const three = await openThree()
  await three.set('gone', 'one')
  await three.world.run(1000, () => false)
  three.part(2)
  await three.set('gone', '')
  three.world.cuts.clear()
  await three.world.run(3 * SPAN_MS, () => false)
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
  await three.world.run(2 * SPAN_MS, () => false)
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
