import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ballotZero } from '../../../src/base/ballot.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import { blake3 } from '../../../src/base/hash.ts'
import type { NodeId } from '../../../src/base/ids.ts'
import { silentLog } from '../../../src/base/log.ts'
import { NetError } from '../../../src/net/errors.ts'
import { recovering } from '../../../src/table/custody.ts'
import { TableError } from '../../../src/table/errors.ts'
import { localTable } from '../../../src/table/owner/local.ts'
import { rules } from '../../../src/table/rules.ts'
import { defineMerged, defineRegister } from '../../../src/table/schema.ts'
import { Puller, type PullWish } from '../../../src/table/sync/puller.ts'
import { NodeDigests, SyncSource } from '../../../src/table/sync/source.ts'
import { ids, threeOwners, type Three } from '../three.ts'

interface Word {
  readonly text: string
  /** Rooms that are open. */
  readonly rooms: readonly string[]
}

const words = defineRegister<Word>({
  name: 'word',
  tag: 'w',
  placement: 'hash',
  sides: [{ name: 'room', tag: 'x', isNamed: ({ rooms }, sortKey) => rooms.includes(sortKey) }],
  indexes: [{ name: 'all', tag: 'i', line: ({ text }) => text }],
  version: 1,
  encode: ({ text, rooms }) => [text, rooms],
  decode: (stored) => {
    const [text, rooms] = stored as [string, string[]]
    return { text, rooms }
  },
  commands: {
    set: {
      run: ({ value, args }) => ({
        ...{ kind: 'write', answer: null },
        value: { text: args as string, rooms: value?.rooms ?? [] },
      }),
    },
    open: {
      run: ({ value, args }) => ({
        ...{ kind: 'write', answer: null },
        value: { text: value?.text ?? '', rooms: [...(value?.rooms ?? []), args as string] },
        sides: [{ side: 'room', sortKey: args as string, row: { name: args } }],
      }),
    },
  },
})

const tallies = defineMerged<number>({
  name: 'tally',
  tag: 't',
  placement: 'hash',
  version: 1,
  encode: (count) => count,
  decode: (stored) => stored as number,
  merge: Math.max,
  isTombstone: () => false,
})

const openThree = (): Promise<Three> => threeOwners([words, tallies])

async function rootsOf(three: Three, index: number): Promise<unknown> {
  const roots = await three.done(three.tables[index]!.roots(new AbortController().signal))
  return [...roots].map(([table, partitions]) => [table, [...partitions].sort(([a], [b]) => a - b)])
}

/** One round of the worker of node `index`. */
async function syncRound(three: Three, index: number): Promise<void> {
  const worker = three.tables[index]!.syncWorker({ log: silentLog, intervalMs: 1 })
  const { signal } = new AbortController()
  while ((await three.done(worker.work(signal))) === 'busy');
}

const at = (key: string): { table: typeof words; partitionKey: string; key: string } => ({
  ...{ table: words, partitionKey: 'p', key },
})

test('a node that was away holds registers, side rows and merged rows after one round', async () => {
  const three = await openThree()
  const [first, , third] = three.tables
  three.part(2)
  for (let count = 0; count < 40; count += 1) {
    await three.done(first!.change(at(`k${count % 30}`), { name: 'set', args: `${count}` }))
  }
  await three.done(first!.change(at('k1'), { name: 'open', args: 'r1' }))
  await three.done(first!.change(at('k1'), { name: 'set', args: 'later' }))
  await three.done(first!.insert(tallies, [{ partitionKey: 'q', sortKey: 's', row: 4 }]))
  three.heal()
  assert.notDeepEqual(await rootsOf(three, 2), await rootsOf(three, 0))
  await syncRound(three, 2)
  assert.deepEqual(await rootsOf(three, 2), await rootsOf(three, 0))
  const slice = await three.done(third!.localRegisters(words, undefined, 1000))
  assert.equal(slice.rows.length, 30)
  const sides = await three.done(third!.localSides({ name: 'room', tag: 'x' }, undefined, 10))
  assert.deepEqual(
    sides.rows.map(({ sortKey }) => sortKey),
    ['r1'],
  )
  // What it took it takes for good: a quorum without the first knows all of it.
  three.part(0)
  assert.deepEqual(await three.done(third!.get(at('k1'))), { text: 'later', rooms: ['r1'] })
  const page = await three.done(third!.page(words, 'all', 'p', { limit: 100 }))
  assert.equal(page.entries.length, 30)
})

test('what an owner has taken and is still writing down is not left out', async () => {
  const three = await openThree()
  const [first, , third] = three.tables
  await three.done(first!.change(at('k'), { name: 'set', args: 'before' }))
  await syncRound(three, 2)
  three.part(1)
  three.part(2)
  three.syncMs[0] = 3_000
  // It is told of by a coordinator that counts what the first answers once its disk has done it.
  const time = first!.now() + 10
  const row = {
    ...{ ballot: { layout: 1, readmissions: 0, time, node: 'f'.repeat(16) } },
    ...{ operations: [], sides: [], version: 1, value: ['taken', []] },
  }
  const items = ['k', 'l'].map((key) => ({ key, row, sides: [], base: null }))
  const body = { table: 'word', partitionKey: 'p', items }
  const envelope = { format: 1, layout: 1, readmissions: 0, time, body }
  const network = three.networks[0]!
  const taken = network.call(network.self, 'table/accept', envelope, { deadlineMs: 100 })
  const insert = first!.insert(tallies, [{ partitionKey: 'q', sortKey: 's', row: 4 }])
  insert.catch(() => undefined)
  three.heal()
  three.part(1)
  await syncRound(three, 2)
  const { rows } = await three.done(third!.localRegisters(words, undefined, 10))
  assert.deepEqual(
    rows.map(({ key, value }) => [key, value?.text]),
    [
      ['k', 'taken'],
      ['l', 'taken'],
    ],
  )
  const slice = await three.done(third!.localRows(tallies, undefined, 10))
  assert.deepEqual(
    slice.rows.map(({ row: count }) => count),
    [4],
  )
  assert.ok(await three.done(taken as Promise<unknown>))
})

/** Somebody whom nobody heard of again is promised a later ballot by node `index` alone. */
async function promiseToNobody(three: Three, index: number): Promise<void> {
  const now = three.tables[0]!.now()
  const ballot = { layout: 1, readmissions: 0, time: now + 5_000_000, node: 'f'.repeat(16) }
  const body = {
    ...{ table: 'word', partitionKey: 'p', ballot, forCommand: true },
    keys: [{ key: 'k', reads: [] }],
  }
  const envelope = { format: 1, layout: 1, readmissions: 0, time: now, body }
  const to = three.networks[index]!.self
  const sent = three.networks[0]!.call(to, 'table/promise', envelope, { deadlineMs: 100 })
  await three.done(sent as Promise<unknown>)
}

test('side rows come from an owner whose row is older, where the newer one names them', async () => {
  const three = await openThree()
  const [first, second, third] = three.tables
  // The first two know of the room; the last change lies on the others, which need not.
  three.part(2)
  await three.done(first!.change(at('k'), { name: 'open', args: 'r1' }))
  await three.done(first!.change(at('k'), { name: 'set', args: 'known' }))
  three.heal()
  three.part(0)
  await three.done(second!.change(at('k'), { name: 'set', args: 'later' }))
  three.heal()
  const sidesOf = async (): Promise<readonly string[]> => {
    const side = { name: 'room', tag: 'x' }
    const { rows } = await three.done(third!.localSides(side, undefined, 10))
    return rows.map(({ sortKey }) => sortKey)
  }
  assert.deepEqual(await sidesOf(), [])
  three.part(1)
  await syncRound(three, 2)
  assert.deepEqual(await sidesOf(), ['r1'])
})

test('a register that a promise keeps out is settled, not copied', async () => {
  const three = await openThree()
  const [first] = three.tables
  three.part(2)
  await three.done(first!.change(at('k'), { name: 'set', args: 'one' }))
  three.heal()
  await promiseToNobody(three, 2)
  await syncRound(three, 2)
  const { rows } = await three.done(three.tables[2]!.localRegisters(words, undefined, 10))
  assert.deepEqual(rows[0]?.value, { text: 'one', rooms: [] })
  assert.deepEqual(await rootsOf(three, 2), await rootsOf(three, 0))
})

/** A table whose rows are kept out while `code` is one. */
const vetoing = { code: undefined as string | undefined }
const guarded = defineRegister<Word>({
  ...words,
  veto: () => vetoing.code,
  mayPass: (code) => code === 'for now',
})
const gated = { ...guarded, vetoedBy: () => ({ table: 'gate', key: 'g' }) }
const { table: _words, ...place } = at('k')
const guardedAt = { ...place, table: guarded }

/** One row, on two of three owners; the third has promised a later ballot, to nobody who lives. */
async function keptOut(): Promise<Three> {
  vetoing.code = undefined
  const three = await threeOwners([guarded, tallies])
  const [first] = three.tables
  three.part(2)
  await three.done(first!.change(guardedAt, { name: 'set', args: 'one' }))
  await three.done(first!.insert(tallies, [{ partitionKey: 'q', sortKey: 's', row: 4 }]))
  three.heal()
  await promiseToNobody(three, 2)
  return three
}

test('a row that a veto keeps out is not settled, and keeps no other from coming', async () => {
  for (const code of ['for now', 'for good']) {
    const three = await keptOut()
    const held = async (): Promise<unknown> =>
      (await three.done(three.tables[2]!.localRegisters(guarded, undefined, 10))).rows[0]?.value
    vetoing.code = code
    const before = three.world.now
    await syncRound(three, 2)
    assert.ok(three.world.now - before < 1_000_000, 'nothing was tried in vain')
    assert.equal(await held(), undefined)
    const [tally] = await three.done(
      three.tables[2]!.localRows(tallies, undefined, 10).then(({ rows }) => rows),
    )
    assert.equal(tally?.row, 4)
    vetoing.code = undefined
    await syncRound(three, 2)
    assert.deepEqual(await held(), { text: 'one', rooms: [] })
  }
})

test('who needs all that another holds is told where a veto keeps some of it out for now', async () => {
  const three = await keptOut()
  const [network, db] = [three.networks[2]!, three.dbs[2]!]
  const local = localTable(gated as never)
  const tables = new Map([
    ['word', { table: gated as never, rows: local.rows, sides: local.sides }],
  ])
  const callOne = async (to: string, endpoint: string, body: unknown): Promise<unknown> => {
    const time = three.tables[0]!.now()
    const envelope = { format: 1, layout: 1, readmissions: 0, time, body }
    const answer = network.call(to as NodeId, endpoint, envelope, { deadlineMs: 100 })
    return ((await answer) as { readonly body: unknown }).body
  }
  const settled: unknown[] = []
  const settling = { error: undefined as Error | undefined }
  const puller = new Puller({
    ...{ db, tables, digests: new NodeDigests(() => db, tables), merged: undefined as never },
    rpc: { self: network.self, callOne } as never,
    replication: { owners: () => ids, placeOf: () => ({ partition: 0 }) } as never,
    owner: {
      accept: () => [vetoing.code === undefined ? { kind: 'taken' } : { kind: 'vetoed' }],
      newest: () => undefined,
    } as never,
    custody: { votes: () => false } as never,
    floors: { of: () => ({ ballot: ballotZero }), raise: () => undefined } as never,
    rules,
    settle: (register, above) => {
      settled.push([register, above])
      return settling.error === undefined ? Promise.resolve() : Promise.reject(settling.error)
    },
  })
  const pull = async (wish?: PullWish): Promise<readonly number[]> => {
    const { signal } = new AbortController()
    return [...(await three.done(puller.pull(ids[0]!, signal, wish))).keptIn]
  }
  vetoing.code = 'for now'
  const partition = blake3(utf8('p'))[0]!
  const wish = { isWanted: () => true, hasVeto: true, floors: true }
  assert.deepEqual(await pull(wish), [partition])
  // What is kept out is not settled, a ballot would meet the veto too: but what keeps it out, which perhaps nobody
  // else holds.
  const gate = [{ table: 'gate', partitionKey: 'p', key: 'g' }, 0]
  assert.deepEqual(settled.splice(0), [gate])
  settling.error = new TableError('QuorumNotReached', 'Cannot reach a quorum')
  assert.deepEqual(await pull(), [partition])
  assert.deepEqual(settled.splice(0), [gate])
  settling.error = new Error('a fault')
  await assert.rejects(pull(), settling.error)
  settled.length = 0
  assert.deepEqual(await pull({ ...wish, hasVeto: false }), [], 'this table is not among those')
  vetoing.code = 'for good'
  assert.deepEqual(await pull(wish), [])
  assert.deepEqual(settled, [])
})

test('a side row that a promise keeps out comes though the register itself is here', async () => {
  const three = await openThree()
  const [first] = three.tables
  three.part(2)
  await three.done(first!.change(at('k'), { name: 'open', args: 'r1' }))
  await three.done(first!.change(at('k'), { name: 'set', args: 'one' }))
  three.heal()
  // It brings the row alone: the room was opened by a change before the last one.
  await three.done(first!.change(at('k'), { name: 'set', args: 'later' }))
  await three.world.run(1000, () => false)
  const { rows } = await three.done(three.tables[2]!.localRegisters(words, undefined, 10))
  assert.deepEqual(rows[0]?.value, { text: 'later', rooms: ['r1'] })
  await promiseToNobody(three, 2)
  for (let round = 0; round < 2; round += 1) await syncRound(three, 2)
  const sides = await three.done(
    three.tables[2]!.localSides({ name: 'room', tag: 'x' }, undefined, 10),
  )
  assert.deepEqual(
    sides.rows.map(({ sortKey }) => sortKey),
    ['r1'],
  )
  assert.deepEqual(await rootsOf(three, 2), await rootsOf(three, 0))
})

test('owners that hold the same copy nothing', async () => {
  const three = await openThree()
  await three.done(three.tables[0]!.change(at('k'), { name: 'set', args: 'one' }))
  await syncRound(three, 2)
  await three.world.run(1000, () => false)
  const { delivered } = three.world.counts
  await syncRound(three, 2)
  // A question and its answer for each of two owners.
  assert.equal(three.world.counts.delivered - delivered, 4)
})

/** Of the questions of node 2 those are lost that `isLost` names, by endpoint and how often it was asked. */
function losing(
  three: Three,
  isLost: (endpoint: string, count: number) => boolean,
): Map<string, number[]> {
  const asked = new Map<string, number[]>()
  const network = three.networks[2]!
  const call = network.call.bind(network)
  network.call = (to, endpoint, message, options) => {
    const deadlines = asked.get(endpoint) ?? []
    asked.set(endpoint, [...deadlines, options.deadlineMs])
    if (!isLost(endpoint, deadlines.length + 1)) return call(to, endpoint, message, options)
    return Promise.reject(new NetError('CallTimeout', `No answer to "${endpoint}"`))
  }
  return asked
}

async function behindBy(count: number): Promise<Three> {
  const three = await openThree()
  three.part(2)
  for (let index = 0; index < count; index += 1) {
    await three.done(three.tables[0]!.change(at(`k${index}`), { name: 'set', args: `${index}` }))
  }
  three.heal()
  return three
}

test('a question that is lost on its way is asked again, and nothing is compared anew', async () => {
  const three = await behindBy(100)
  const seconds = new Set(['sync/leaves', 'sync/keys', 'sync/units'])
  const asked = losing(three, (endpoint, count) => seconds.has(endpoint) && count % 2 === 1)
  await syncRound(three, 2)
  assert.deepEqual(await rootsOf(three, 2), await rootsOf(three, 0))
  // Of each of the two others once.
  assert.equal(asked.get('sync/roots')?.length, 2)
  assert.ok(asked.get('sync/units')!.length >= 8, 'each of four was lost once')
})

test('a question that is never answered is asked three times, the first of all once', async () => {
  const silent = await behindBy(1)
  const asked = losing(silent, (endpoint) => endpoint === 'sync/keys')
  await syncRound(silent, 2)
  const each = [2_500, 5_000, 10_000]
  assert.deepEqual(asked.get('sync/keys'), [...each, ...each])
  const away = await behindBy(1)
  const first = losing(away, () => true)
  await syncRound(away, 2)
  assert.deepEqual([...first], [['sync/roots', [10_000, 10_000]]])
})

test('an owner that has lost its rows since it was first asked answers none of what follows', async () => {
  const handlers = new Map<string, (message: unknown) => unknown>()
  const refuse = (): never => {
    throw recovering(undefined)
  }
  const tables = new Map([['word', { table: words as never, rows: undefined as never }]])
  new SyncSource({
    ...{
      db: { write: () => Promise.resolve() } as never,
      digests: undefined as never,
      floors: undefined as never,
    },
    ...{ tables: tables as never, signal: new AbortController().signal },
    custody: {
      ...{ assertHeld: () => undefined, assertVotes: refuse, assertVotesEverywhere: refuse },
    } as never,
  }).listen({
    handle: (endpoint: string, handler: (message: never) => unknown) =>
      void handlers.set(endpoint, handler as (message: unknown) => unknown),
  } as never)
  const place = { table: 'word', partition: 1 }
  const messages: readonly (readonly [string, unknown])[] = [
    ['sync/roots', { tables: ['word'] }],
    ['sync/leaves', place],
    ['sync/keys', { ...place, leaves: [1], after: '' }],
    ['sync/units', { table: 'word', units: ['01p\0k'], after: null }],
    ['sync/floors', {}],
  ]
  for (const [endpoint, message] of messages) {
    const answered = async (): Promise<unknown> => handlers.get(endpoint)!(message)
    await assert.rejects(answered(), { code: 'Recovering' }, endpoint)
  }
})
