/** Reads while the layout changes: the first two nodes are read, the third votes too. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeId } from '../../src/base/ids.ts'
import { fixedCluster } from '../../src/cluster/lone.ts'
import { defineRegister } from '../../src/table/schema.ts'
import type { IndexPage } from '../../src/table/table.ts'
import { ids, threeOwners, type Three } from './three.ts'

const words = defineRegister<string>({
  ...{ name: 'word', tag: 'w', placement: 'hash', version: 1, sides: [] },
  indexes: [{ name: 'all', tag: 'i', line: (text) => text }],
  encode: (text) => text,
  decode: (stored) => stored as string,
  commands: {
    set: { run: ({ args }) => ({ kind: 'write', answer: null, value: args as string }) },
  },
})
const at = { table: words, partitionKey: 'p', key: 'k' }

const openThree = (): Promise<Three> => threeOwners([words], () => [ids[2]!], [ids[0]!, ids[1]!])

/** A change whose coordinator died: all that are read took it, and nobody else did. */
async function halfDone(three: Three, { layout }: { readonly layout: number }): Promise<void> {
  const time = three.tables[0]!.now() + 10
  const ballot = { layout, readmissions: 0, time, node: 'f'.repeat(16) }
  const row = { ballot, operations: [], sides: [], version: 1, value: 'two' }
  const items = [{ key: 'k', row, sides: [], base: null }]
  const body = { table: 'word', partitionKey: 'p', items }
  const envelope = { format: 1, layout: 1, readmissions: 0, time, body }
  for (const index of [0, 1]) {
    const network = three.networks[index]!
    const sent = network.call(network.self, 'table/accept', envelope, { deadlineMs: 100 })
    const answer = (await three.done(sent as Promise<unknown>)) as { readonly body: unknown }
    assert.deepEqual(answer.body, [{ kind: 'taken' }])
  }
}

/** What the owner holds that is not read yet. */
async function unread(three: Three): Promise<unknown> {
  const { rows } = await three.done(three.tables[2]!.localRegisters(words, undefined, 10))
  return rows.map(({ value }) => value)
}

const pageOf = (three: Three): Promise<IndexPage> =>
  three.done(three.tables[0]!.page(words, 'all', 'p', { limit: 10 }))

test('a read shows what all that are read hold once a quorum of every layout holds it', async () => {
  const three = await openThree()
  await three.done(three.tables[0]!.change(at, { name: 'set', args: 'one' }))
  await halfDone(three, { layout: 1 })
  assert.deepEqual(await unread(three), ['one'])
  assert.equal(await three.done(three.tables[0]!.get(at)), 'two')
  assert.deepEqual(await unread(three), ['two'])
})

test('a page shows no more than a read', async () => {
  const three = await openThree()
  await three.done(three.tables[0]!.change(at, { name: 'set', args: 'one' }))
  await halfDone(three, { layout: 1 })
  assert.deepEqual((await pageOf(three)).entries, [{ key: 'k', line: 'two' }])
  assert.deepEqual(await unread(three), ['two'])
})

test('nobody is shown what the owners of the next layout cannot be asked about', async () => {
  const three = await openThree()
  await halfDone(three, { layout: 1 })
  three.part(2)
  await assert.rejects(three.done(three.tables[0]!.get(at)))
  await assert.rejects(pageOf(three))
  three.heal()
  assert.equal(await three.done(three.tables[0]!.get(at)), 'two')
})

test('a row of before the change is shown by those that are read, alone', async () => {
  const three = await openThree()
  await halfDone(three, { layout: 0 })
  three.part(2)
  assert.equal(await three.done(three.tables[0]!.get(at)), 'two')
  assert.deepEqual((await pageOf(three)).entries, [{ key: 'k', line: 'two' }])
})

test('what was chosen while the layout changes is shown without being written again', async () => {
  const three = await openThree()
  const rootsOf = (): Promise<unknown> =>
    three.done(Promise.all(three.tables.map((each) => each.roots(new AbortController().signal))))
  await three.done(three.tables[0]!.change(at, { name: 'set', args: 'one' }))
  const before = await rootsOf()
  assert.equal(await three.done(three.tables[0]!.get(at)), 'one')
  assert.deepEqual((await pageOf(three)).entries, [{ key: 'k', line: 'one' }])
  assert.deepEqual(await rootsOf(), before)
})

test('answers are counted as those of the owners who were asked, though others are read meanwhile', async () => {
  let left = Infinity
  const three = await threeOwners([words], undefined, undefined, (self) => ({
    ...fixedCluster(self, [ids], 1),
    readers: (): readonly NodeId[] => {
      if (self !== ids[1]) return ids
      left -= 1
      return left < 0 ? [ids[0]!] : ids
    },
  }))
  await three.done(three.tables[1]!.change(at, { name: 'set', args: 'one' }))
  three.part(0)
  await three.done(three.tables[1]!.change(at, { name: 'set', args: 'two' }))
  three.heal()
  // As few as make a quorum are asked, and counted; then all. What the first one answers to that is
  // from before it copied what the others have; it is the one that is read when the answer comes.
  left = 3
  assert.equal(await three.done(three.tables[1]!.get(at)), 'two')
  assert.ok(left <= 0)
})
