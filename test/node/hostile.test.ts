/**
 * Rows R8 to R10 of the hostile input: a peer that holds the secret, speaks the mesh well, and says
 * what no node would, to every endpoint of a whole node.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack } from '../../src/base/codec.ts'
import { hexOf } from '../../src/base/bytes.ts'
import { blake3 } from '../../src/base/hash.ts'
import type { BucketId } from '../../src/base/ids.ts'
import { encodeHistory } from '../../src/cluster/layout/stored.ts'
import { verdictOn } from '../../src/net/wire/failure.ts'
import { bodyOf, contentOf } from '../../src/simulation/contents.ts'
import { createBucket } from '../../src/store/bucket/bucket.ts'
import { deleteObject } from '../../src/store/object/delete-object.ts'
import { listObjects } from '../../src/store/object/list-objects.ts'
import { putObject } from '../../src/store/object/put-object.ts'
import { registerTree } from '../../src/table/schema.ts'
import { Trio } from './cluster/check/trio.ts'

const VICTIM = 0

/** What stands in the place of any field. */
const hostileValues: readonly unknown[] = [
  ...[null, true, -1, 0.5, Number.NaN, -0, 2 ** 53, -(2 ** 53), 3e15, 1e308],
  ...['', '\0', '__proto__', 'constructor', 'x'.repeat(100_000), 'ff', '\ud800'],
  ...[[], {}, [[]], new Uint8Array(0), new Uint8Array(100_000)],
  Array.from({ length: 5_000 }, () => 'x'),
  JSON.parse('{"__proto__": {"polluted": 1}, "format": 1}') as unknown,
]

/** A message, once for each of its fields and each hostile value, with the value in its place. */
function* spoilt(message: unknown): Generator<unknown> {
  for (const value of hostileValues) yield value
  for (const path of pathsOf(message, [])) {
    for (const value of hostileValues) yield withValue(message, path, value)
    yield withValue(message, path, undefined)
  }
}

type Path = readonly (string | number)[]

function* pathsOf(value: unknown, path: Path): Generator<Path> {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  const names: (string | number)[] = Array.isArray(value)
    ? [...value.slice(0, 3).keys()]
    : Object.keys(value)
  for (const name of names) {
    yield [...path, name]
    yield* pathsOf((value as Record<string | number, unknown>)[name], [...path, name])
  }
}

function withValue(message: unknown, path: Path, value: unknown): unknown {
  const [name, ...rest] = path
  if (name === undefined) return value
  if (Array.isArray(message)) {
    return message.map((item, at) =>
      at === name ? withValue(item, rest, value) : (item as unknown),
    )
  }
  const fields = message as Record<string, unknown>
  const changed = { ...fields, [name]: withValue(fields[name], rest, value) }
  if (rest.length === 0 && value === undefined) delete changed[name]
  return changed
}

/** The same with a ballot above any before: what it names is not passed over as old news. */
function later(message: unknown): unknown {
  const items = (message as { body?: { items?: unknown } } | null)?.body?.items
  if (!Array.isArray(items)) return message
  const raised = items.map((item: unknown) => {
    const row = (item as { row?: { ballot?: { time?: unknown } } } | null)?.row
    if (typeof row?.ballot?.time !== 'number') return item
    laterBy += 1
    const ballot = { ...row.ballot, time: row.ballot.time + laterBy * 1_000 }
    return { ...(item as object), row: { ...row, ballot } }
  })
  return withValue(message, ['body', 'items'], raised)
}

let laterBy = 0

async function use(trio: Trio, bucket: BucketId): Promise<void> {
  for (const [index, size] of [100, 9_000].entries()) {
    const { store } = trio.node(index).product
    const key = `used ${index}`
    await trio.run(
      putObject(store, { bucket, key, metadata: [], body: bodyOf(contentOf(key, size)) }),
    )
    await trio.run(listObjects(store, { bucket, limit: 10 }))
    if (index === 1) await trio.run(deleteObject(store, { bucket, key }))
  }
}

/** What each endpoint of the victim is asked in normal use, one message of each form. */
async function recorded(trio: Trio, bucket: BucketId): Promise<Map<string, unknown[]>> {
  const messages = new Map<string, unknown[]>()
  trio.came = (_to, endpoint, message) => {
    const known = messages.get(endpoint) ?? []
    const form = JSON.stringify(message).replace(/[0-9a-f]{6,}|\d+/g, '')
    if (
      known.length < 6 &&
      known.every((one) => JSON.stringify(one).replace(/[0-9a-f]{6,}|\d+/g, '') !== form)
    ) {
      known.push(message)
    }
    messages.set(endpoint, known)
  }
  await use(trio, bucket)
  await trio.check(1)
  trio.came = () => undefined
  // What this use has no need of.
  const envelope = messages.get('table/read')![0] as { readonly body: Record<string, unknown> }
  const { ballot } = (messages.get('table/promise')![0] as typeof envelope).body
  const { table, partitionKey, keys } = envelope.body
  const at = { table, partitionKey }
  const key = (keys as readonly string[])[0]!
  const side = { side: 'upload', sortKey: 'a' }
  const units = { table, units: [`00${key}`], digests: [new Uint8Array(16)] }
  const rare: Readonly<Record<string, object>> = {
    'table/sides': { ...at, key, sides: [side] },
    'table/ended': { ...at, ballot, items: [{ key, sides: [side] }] },
    'table/offer': {
      ...{ ...at, deadlineMs: 10 },
      items: [
        {
          ...{ key, operation: 'x', firstTime: 1, done: ['y'] },
          command: { name: 'delete-object', args: [] },
        },
      ],
    },
    'table/outcomes': { operations: ['x'] },
    'sync/leaves': { table, partition: 1 },
    'sync/keys': { table, partition: 1, leaves: [1], after: '' },
    'sync/digests': units,
    'sync/units': { ...units, after: null },
    'sync/floors': {},
    'collect/confirm': { ...units, ballots: [ballot] },
    'collect/drop': { ...units, floors: [{ partition: 1, ballot, micros: 1 }] },
  }
  for (const [endpoint, body] of Object.entries(rare)) {
    messages.set(endpoint, [...(messages.get(endpoint) ?? []), { ...envelope, body }])
  }
  return messages
}

/** How the victim ends a message, and where a fault of ours is. */
async function endOf(
  trio: Trio,
  endpoint: string,
  message: unknown,
): Promise<{
  readonly verdict: 'answered' | ReturnType<typeof verdictOn>
  readonly where: string
}> {
  try {
    await trio.run(trio.deliver(VICTIM, endpoint, message))
    return { verdict: 'answered', where: '' }
  } catch (error) {
    const place = (error as Error).stack?.split('\n').slice(0, 3).join(' ') ?? ''
    return { verdict: verdictOn(error), where: `${endpoint}: ${place}` }
  }
}

test('R9 no message of another node ends the process, nor leaves a row that cannot be read', async (t) => {
  const trio = await Trio.open(11)
  const { id: bucket } = await trio.run(
    createBucket(trio.node(VICTIM).product.store, { name: 'victim' }),
  )
  const messages = await recorded(trio, bucket)
  const { calls } = trio.endpoints(VICTIM)
  const counts = { answered: 0, expected: 0, bug: 0, fatal: 0 }
  const bugs = new Set<string>()
  const asked = calls.flatMap((endpoint) =>
    (messages.get(endpoint) ?? [null]).map((message) => ({ endpoint, message })),
  )
  for (const { endpoint, message } of asked) {
    for (const one of spoilt(message)) {
      const end = await endOf(trio, endpoint, later(one))
      counts[end.verdict] += 1
      if (end.verdict === 'bug' || end.verdict === 'fatal') bugs.add(end.where)
    }
  }
  t.diagnostic(`${messages.size} endpoints, ${JSON.stringify(counts)}`)
  assert.deepEqual([...bugs].slice(0, 20), [])
  const unasked = calls.filter((endpoint) => !messages.has(endpoint))
  t.diagnostic(`asked by nothing but misshapen messages: ${unasked.join(', ')}`)
  assert.ok(counts.expected > 10_000)
  trio.crash(VICTIM)
  await trio.start(VICTIM)
  await trio.pass(10_000)
  await use(trio, bucket)
  const report = await trio.check(1)
  t.diagnostic(JSON.stringify(report.findings.slice(0, 5)))
  assert.deepEqual(report.silent, [])
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
})

test('R8 bytes that are not the block are refused, however they are announced', async () => {
  const trio = await Trio.open(12)
  const bytes = contentOf('block', 4_000).bytes
  const hash = hexOf(blake3(bytes))
  const other = hexOf(blake3(new Uint8Array(1)))
  const messages: readonly (readonly [unknown, Uint8Array | undefined])[] = [
    [[1, hash], undefined],
    [null, undefined],
    [[1, other], bytes],
    [[1, hash], bytes.subarray(1)],
    [[1, hash], new Uint8Array(0)],
    [[1, hash.toUpperCase()], bytes],
    [[1, `../${hash}`], bytes],
    [[2, hash], bytes],
    [{ hash }, bytes],
    [null, bytes],
    [[1, '__proto__'], bytes],
  ]
  for (const [message, sent] of messages) {
    await assert.rejects(trio.run(trio.deliver(VICTIM, 'block/put', message, sent)), {
      code: /^(BlockCorrupt|BadMessage)$/,
    })
  }
  const { blocks } = trio.node(VICTIM).product
  assert.deepEqual(await trio.run(blocks.allHashes(undefined, 10)), [])
  const free = blocks.slab.freeCount
  await trio.run(trio.deliver(VICTIM, 'block/put', [1, hash], bytes))
  assert.ok(blocks.has(hash))
  assert.equal(blocks.slab.freeCount, free, 'every slot came back')
})

test('R10 no history of layouts that another node tells of ends the process, or is half taken', async (t) => {
  const trio = await Trio.open(13, { isAlone: true })
  const { product } = trio.node(VICTIM)
  const { store } = product
  // An empty one would be right to join.
  const { id: bucket } = await trio.run(createBucket(store, { name: 'mine' }))
  const own = product.layout!.members.history()
  const { history } = (await trio.run(trio.deliver(1, 'layout/history', null))) as {
    readonly history: unknown
  }
  const stored = history ?? encodeHistory(trio.node(1).product.layout!.members.history()!)
  const counts = { answered: 0, expected: 0, bug: 0, fatal: 0 }
  const bugs = new Set<string>()
  const offers: readonly (readonly [string, unknown])[] = [
    ['layout/learn', { history: stored }],
    ['layout/first', { ticket: 1, history: stored, isHolder: true }],
    ['layout/readmit', { incarnation: 'ab'.repeat(16), replaces: null }],
    ['layout/history', null],
  ]
  for (const [endpoint, message] of offers) {
    for (const one of spoilt(message)) {
      const end = await endOf(trio, endpoint, one)
      counts[end.verdict] += 1
      if (end.verdict === 'bug' || end.verdict === 'fatal') bugs.add(end.where)
    }
  }
  t.diagnostic(JSON.stringify(counts))
  assert.deepEqual([...bugs].slice(0, 20), [])
  assert.deepEqual(product.layout!.members.history()?.active, own?.active)
  const body = bodyOf(contentOf('here', 5_000))
  await trio.run(putObject(store, { bucket, key: 'here', metadata: [], body }))
  trio.crash(VICTIM)
  await trio.start(VICTIM)
  assert.deepEqual(trio.node(VICTIM).product.layout!.members.history()?.active, own?.active)
})

test('R9 a row from the future that another owner holds stays there, and keeps no other from coming', async () => {
  const trio = await Trio.open(14)
  const { id: bucket } = await trio.run(
    createBucket(trio.node(VICTIM).product.store, { name: 'future' }),
  )
  await use(trio, bucket)
  await trio.pass(20_000)
  const tree = registerTree({ name: 'object', tag: 'o' })
  const { db } = trio.node(1).product
  const [entry] = await trio.run(db.range(tree, { limit: 1 }))
  const fromFuture = pack([99, 'what nobody knows yet'])
  const name = `${entry!.key.slice(0, entry!.key.indexOf('\0'))}\0!`
  await trio.run(db.write((batch) => batch.put(tree, name, fromFuture)))
  const own = trio.node(VICTIM).product.db
  await trio.run(own.write((batch) => batch.del(tree, entry!.key)))
  // Only from the one that holds both can the lost one come.
  trio.cut(2)
  for (const index of [1, VICTIM]) {
    trio.crash(index)
    await trio.start(index)
  }
  await trio.pass(30_000)
  const after = trio.node(VICTIM).product.db
  assert.ok(after.get(tree, entry!.key), 'what can be read came')
  assert.equal(after.get(tree, name), undefined, 'what cannot was not taken')
})
