import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeAnswers } from '../../src/table/page.ts'
import { defineRegister } from '../../src/table/schema.ts'
import { threeOwners } from './three.ts'

const words = defineRegister<string>({
  ...{ name: 'word', tag: 'w', placement: 'hash', version: 1, sides: [] },
  indexes: [{ name: 'all', tag: 'i', line: (text) => (text === '' ? undefined : text) }],
  encode: (text) => text,
  decode: (stored) => stored as string,
  commands: {
    set: { run: ({ args }) => ({ kind: 'write', answer: null, value: args as string }) },
  },
})

test('a small page passes what was deleted in few rounds, and gives each key once', async () => {
  const three = await threeOwners([words])
  const [tables] = three.tables
  const [network] = three.networks
  const keys = Array.from({ length: 400 }, (_, index) => `k${String(index).padStart(3, '0')}`)
  for (const text of ['there', '']) {
    const command = { name: 'set', args: text }
    const items = keys.map((key) => ({ key, command }))
    await three.done(tables!.changeMany(words, 'p', items))
  }
  const kept = ['k200', 'k201', 'z']
  for (const key of kept) {
    const at = { table: words, partitionKey: 'p', key }
    await three.done(tables!.change(at, { name: 'set', args: 'kept' }))
  }
  let rounds = 0
  const call = network!.call.bind(network)
  network!.call = (to, endpoint, ...rest) => {
    if (endpoint === 'table/page' && to === network!.self) rounds += 1
    return call(to, endpoint, ...rest)
  }
  const found: string[] = []
  for (let after: string | undefined; ;) {
    const start = after === undefined ? {} : { after }
    const page = await three.done(tables!.page(words, 'all', 'p', { limit: 1, ...start }))
    found.push(...page.entries.map(({ key }) => key))
    after = page.entries.at(-1)?.key
    if (page.done) break
  }
  assert.deepEqual(found, kept)
  assert.ok(rounds > 3 && rounds < 60, `${rounds} rounds over ${keys.length} keys`)
})

test('mergeAnswers() cuts at the boundary that every answer covered', () => {
  const long = { keys: ['a', 'b', 'd'], texts: ['1', '1', '1'], done: true }
  const short = { keys: ['a', 'b'], texts: ['1', '1'], done: false }
  assert.deepEqual(mergeAnswers([long, short]), {
    keys: ['a', 'b'],
    texts: ['1', '1'],
    done: false,
  })
})

test('mergeAnswers() leaves open what one owner lacks or has otherwise', () => {
  const one = { keys: ['a', 'b', 'c'], texts: ['1', '1', '1'], done: true }
  const other = { keys: ['a', 'c', 'd'], texts: ['1', '2', '1'], done: true }
  assert.deepEqual(mergeAnswers([one, other]), {
    keys: ['a', 'b', 'c', 'd'],
    texts: ['1', undefined, undefined, undefined],
    done: true,
  })
})

test('mergeAnswers() goes by the bytes of UTF-8, not by code units', () => {
  const one = { keys: ['\uffee'], texts: ['1'], done: true }
  const other = { keys: ['\u{1f600}'], texts: ['1'], done: true }
  assert.deepEqual(mergeAnswers([other, one]).keys, ['\uffee', '\u{1f600}'])
})
