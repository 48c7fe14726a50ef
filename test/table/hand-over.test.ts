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
