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

/** What is told of an operation at one node holds, though another runs an earlier attempt of it. */
const late = [
  { name: 'a refusal', command: 'create', told: 'Taken', before: 'x', after: '' },
  {
    name: 'an answer that wrote nothing',
    command: 'drop',
    told: 'nothing',
    before: '',
    after: 'y',
  },
] as const
for (const { name, command, told, before, after } of late) {
  test(`${name} that was told at one node is not undone by an attempt at another`, async () => {
    const three = await threeOwners([words])
    const [here, there] = three.tables
    const options = { operation: 'once' }
    const ended = (work: Promise<unknown>): Promise<unknown> =>
      work.catch((error: { details: { code: string } }) => error.details.code)
    await three.done(here!.change(at, { name: 'set', args: before }))
    three.part(1)
    const attempt = ended(there!.change(at, { name: command, args: 'late' }, options))
    await three.done(new Promise<void>((resolve) => void three.world.after(1_000, resolve)))
    const retry = ended(here!.change(at, { name: command, args: 'late' }, options))
    assert.equal(await three.done(retry), told)
    await three.done(here!.change(at, { name: 'set', args: after }))
    three.heal()
    assert.equal(await three.done(attempt), told)
    assert.equal(await three.done(here!.get(at)), after)
  })
}

test('a runner that wakes up late does not make again what was made in its place, and written over since', async () => {
  const three = await threeOwners([words])
  const [runner, node] = three.tables
  const firstTime = node!.now()
  const first = { operation: 'first', firstTime }
  three.part(0)
  // The runner has got it, and sleeps: nobody hears of it.
  assert.equal(await three.done(node!.change(at, { name: 'set', args: 'first' }, first)), 'set')
  for (let count = 0; count < 300; count += 1) {
    await three.done(node!.change(at, { name: 'set', args: `${count}` }))
  }
  three.heal()
  const network = three.networks[0]!
  const send = (endpoint: string, body: unknown): Promise<unknown> => {
    const envelope = { format: 1, layout: 1, readmissions: 0, time: runner!.now(), body }
    return three.done(
      network.call(network.self, endpoint, envelope, { deadlineMs: 100 }) as Promise<unknown>,
    )
  }
  const command = { name: 'set', args: 'first' }
  await send('table/offer', {
    ...{ table: 'word', partitionKey: 'p', deadlineMs: 20_000 },
    items: [{ key: 'k', operation: 'first', firstTime, command, done: [] }],
  })
  await three.world.run(5_000, () => false)
  assert.equal(await three.done(runner!.get(at)), '299')
})
