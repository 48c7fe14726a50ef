import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineRegister } from '../../src/table/schema.ts'
import { ids, threeOwners } from './three.ts'

const words = defineRegister<string>({
  name: 'word',
  tag: 'w',
  placement: 'hash',
  sides: [],
  indexes: [],
  version: 1,
  encode: (text) => text,
  decode: (stored) => stored as string,
  commands: {
    set: { run: ({ args }) => ({ kind: 'write', answer: 'set', value: args as string }) },
    create: {
      run: ({ value, args }) =>
        value === undefined || value === ''
          ? { kind: 'write', answer: 'made', value: args as string }
          : { kind: 'refuse', code: 'Taken' },
    },
    drop: {
      run: ({ value }) =>
        value === undefined || value === ''
          ? { kind: 'answer', answer: 'nothing' }
          : { kind: 'write', answer: 'dropped', value: '' },
    },
  },
})
const at = { table: words, partitionKey: 'p', key: 'k' }
const [first, second, third] = ids as [(typeof ids)[0], (typeof ids)[0], (typeof ids)[0]]

test('two nodes that each take the other for the runner do not wait for one another', async () => {
  // As for a moment while the layout changes.
  const three = await threeOwners([words], (self) =>
    self === first ? [second, first, third] : [first, second, third],
  )
  const began = three.world.now
  const changes = Array.from({ length: 20 }, (_, index) =>
    three.tables[index % 2]!.change(at, { name: 'set', args: `${index}` }),
  )
  assert.deepEqual(new Set(await three.done(Promise.all(changes))), new Set(['set']))
  const tookMs = (three.world.now - began) / 1000
  assert.ok(tookMs < 5_000, `they took ${tookMs} ms`)
})

test('a change that its runner could not make is made anew when it is sent again', async () => {
  // The second node owns nothing: it hands over to the first.
  const three = await threeOwners([words], () => [first, third])
  const change = (): Promise<unknown> =>
    three.done(three.tables[1]!.change(at, { name: 'set', args: 'x' }, { operation: 'once' }))
  three.world.cuts.add(`${first} ${third}`)
  await assert.rejects(change(), { code: 'OutcomeUnknown' })
  three.heal()
  assert.equal(await change(), 'set')
})

test('a name that two keys have in common names an operation of each', async () => {
  // The second node owns nothing: it hands over to the first.
  const three = await threeOwners([words], () => [first, third])
  const node = three.tables[1]!
  for (const key of ['k', 'l']) {
    const change = node.change({ ...at, key }, { name: 'set', args: key }, { operation: 'once' })
    assert.equal(await three.done(change), 'set')
  }
  assert.equal(await three.done(node.get({ ...at, key: 'l' })), 'l')
})
