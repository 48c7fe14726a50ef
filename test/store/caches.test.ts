import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Caches, RowCache } from '../../src/store/caches.ts'
import type { AccessKey } from '../../src/store/access-key.ts'
import { ROW_CACHE_ENTRIES_MAX, ROW_COPY_MS_MAX } from '../../src/base/limits.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const never = (): Promise<never> => assert.fail('nothing is to be refreshed')

function loneCache<Value>(): RowCache<Value> {
  return new RowCache<Value>({ clock: new VirtualClock(), isAlone: () => true })
}

test('RowCache keeps nothing that was read before a change, nor while it is on its way', () => {
  const cache = loneCache<string>()
  const before = cache.read()
  cache.keep('a', 'old', before)
  assert.equal(cache.get('a', never), 'old')
  const stable = cache.touch('a')
  assert.equal(cache.get('a', never), undefined)
  // Read before the change, or during it: perhaps the old row.
  cache.keep('a', 'old', before)
  cache.keep('a', 'old', cache.read())
  assert.equal(cache.get('a', never), undefined)
  const during = cache.read()
  stable()
  cache.keep('a', 'old', during)
  assert.equal(cache.get('a', never), undefined)
  cache.keep('a', 'new', cache.read())
  assert.equal(cache.get('a', never), 'new')
})

test('RowCache waits for the last of several changes', () => {
  const cache = loneCache<string>()
  const [first, second] = [cache.touch('a'), cache.touch('a')]
  first()
  cache.keep('a', 'x', cache.read())
  assert.equal(cache.get('a', never), undefined)
  second()
  cache.keep('a', 'x', cache.read())
  assert.equal(cache.get('a', never), 'x')
})

test('RowCache is bounded, the oldest goes first', () => {
  const cache = loneCache<number>()
  for (let index = 0; index <= ROW_CACHE_ENTRIES_MAX; index += 1) {
    cache.keep(String(index), index, cache.read())
  }
  assert.equal(cache.get('0', never), undefined)
  assert.equal(cache.get('1', never), 1)
})

test('with other nodes a copy runs out, counted from when its read began', async () => {
  const clock = new VirtualClock()
  let isAlone = true
  const cache = new RowCache<string>({ clock, isAlone: () => isAlone })
  const reading = cache.read()
  await clock.run(500)
  cache.keep('a', 'x', reading)
  await clock.run(ROW_COPY_MS_MAX)
  assert.equal(cache.get('a', never), 'x', 'every change passes a node that stands alone')
  isAlone = false
  assert.equal(cache.get('a', never), undefined)
})

test('a copy that is in use is read again, once, before it runs out', async () => {
  const clock = new VirtualClock()
  const cache = new RowCache<string>({ clock, isAlone: () => false })
  cache.keep('a', 'x', cache.read())
  await clock.run(ROW_COPY_MS_MAX / 2 - 1)
  assert.equal(cache.get('a', never), 'x')
  await clock.run(1)
  let refreshed = 0
  const fails = (): Promise<void> => {
    refreshed += 1
    return Promise.reject(new Error('no quorum'))
  }
  assert.equal(cache.get('a', fails), 'x')
  assert.equal(cache.get('a', fails), 'x')
  assert.equal(refreshed, 1)
  await clock.run(ROW_COPY_MS_MAX / 2)
  assert.equal(cache.get('a', never), undefined, 'what could not be read again is not shown')
  cache.keep('a', 'y', cache.read())
  await clock.run(ROW_COPY_MS_MAX / 2)
  const succeeds = (): Promise<void> => {
    cache.keep('a', 'z', cache.read())
    return Promise.resolve()
  }
  assert.equal(cache.get('a', succeeds), 'y')
  assert.equal(cache.get('a', never), 'z')
})

test('Caches drop a row at once and take it again when its batch is stable', async () => {
  let settle: () => void = () => undefined
  const caches = new Caches({
    clock: new VirtualClock(),
    settled: () => new Promise<void>((resolve) => (settle = resolve)),
    isAlone: () => true,
  })
  const key = { id: 'GK1' } as AccessKey
  caches.accessKeys.keep('GK1', key, caches.accessKeys.read())
  caches.accessKeyTouched('GK1')
  assert.equal(caches.accessKeys.get('GK1', never), undefined)
  await Promise.resolve()
  caches.accessKeys.keep('GK1', key, caches.accessKeys.read())
  assert.equal(caches.accessKeys.get('GK1', never), undefined)
  settle()
  await new Promise((resolve) => setImmediate(resolve))
  caches.accessKeys.keep('GK1', key, caches.accessKeys.read())
  assert.equal(caches.accessKeys.get('GK1', never), key)
  caches.drop('bucket', 'GK1')
  assert.equal(caches.accessKeys.get('GK1', never), key, 'a row of another table')
  caches.drop('access-key', 'GK1')
  assert.equal(caches.accessKeys.get('GK1', never), undefined)
})
