import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tree } from '../../src/db/db.ts'
import { MemoryStore } from '../../src/db/memory.ts'
import { openMemoryDb } from '../../src/db/open.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { dbConformance } from '../conformance/db.ts'

const words: Tree<string> = { name: 'words', tag: 'w', values: 'text' }
const onFatal = (): void => assert.fail('a write failed')

dbConformance('memory', async () => {
  const store = new MemoryStore()
  const db = openMemoryDb({ store, clock: systemClock, onFatal })
  return {
    db,
    reopen: () => Promise.resolve(openMemoryDb({ store, clock: systemClock, onFatal })),
  }
})

/** A clock whose timers are fired by hand. */
function manualClock(): typeof systemClock & { fire(): void } {
  const actions: (() => void)[] = []
  return {
    ...systemClock,
    after: (_delayMs, action) => {
      actions.push(action)
      return () => undefined
    },
    soon: (action) => void actions.push(action),
    fire: () => actions.shift()?.(),
  }
}

for (const inFlight of ['keep', 'lose'] as const) {
  test(`crash('${inFlight}') loses the open group, and settles the one in flight so`, async () => {
    const store = new MemoryStore()
    const clock = manualClock()
    const db = openMemoryDb({ store, clock, onFatal, syncMs: () => 5 })
    const told: string[] = []
    const put = (key: string): void =>
      void db.write((batch) => batch.put(words, key, key)).then(() => told.push(key))
    put('synced')
    clock.fire()
    clock.fire()
    await new Promise((resolve) => setImmediate(resolve))
    put('flying')
    clock.fire()
    put('open')
    store.crash(inFlight)
    clock.fire()
    clock.fire()
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(told, ['synced'])

    const next = openMemoryDb({ store, clock, onFatal })
    assert.equal(next.get(words, 'synced'), 'synced')
    assert.equal(next.get(words, 'flying'), inFlight === 'keep' ? 'flying' : undefined)
    assert.equal(next.get(words, 'open'), undefined)
  })
}

test('isLike() compares what both stores hold on stable storage', async () => {
  const store = new MemoryStore()
  const db = openMemoryDb({ store, clock: systemClock, onFatal })
  await db.write((batch) => batch.put(words, 'a', '1'))
  const copy = store.copy()
  assert.ok(copy.isLike(store))
  await db.write((batch) => batch.put(words, 'a', '2'))
  assert.ok(!copy.isLike(store))
  await db.close()
})
