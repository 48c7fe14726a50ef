import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Caches, RowCache } from '../../src/store/caches.ts'
import type { AccessKey } from '../../src/store/access-key.ts'
import { ROW_CACHE_ENTRIES_MAX } from '../../src/base/limits.ts'

test('RowCache keeps nothing that was read before a change, nor while it is on its way', () => {
  const cache = new RowCache<string>(() => true)
  const before = cache.generation
  cache.keep('a', 'old', before)
  assert.equal(cache.get('a'), 'old')
  const stable = cache.touch('a')
  assert.equal(cache.get('a'), undefined)
  // Read before the change, or during it: perhaps the old row.
  cache.keep('a', 'old', before)
  cache.keep('a', 'old', cache.generation)
  assert.equal(cache.get('a'), undefined)
  const during = cache.generation
  stable()
  cache.keep('a', 'old', during)
  assert.equal(cache.get('a'), undefined)
  cache.keep('a', 'new', cache.generation)
  assert.equal(cache.get('a'), 'new')
})

test('RowCache waits for the last of several changes', () => {
  const cache = new RowCache<string>(() => true)
  const [first, second] = [cache.touch('a'), cache.touch('a')]
  first()
  cache.keep('a', 'x', cache.generation)
  assert.equal(cache.get('a'), undefined)
  second()
  cache.keep('a', 'x', cache.generation)
  assert.equal(cache.get('a'), 'x')
})

test('RowCache is bounded, the oldest goes first', () => {
  const cache = new RowCache<number>(() => true)
  for (let index = 0; index <= ROW_CACHE_ENTRIES_MAX; index += 1) {
    cache.keep(String(index), index, cache.generation)
  }
  assert.equal(cache.get('0'), undefined)
  assert.equal(cache.get('1'), 1)
})

test('RowCache keeps and shows nothing while changes may pass elsewhere', () => {
  let isAlone = true
  const cache = new RowCache<string>(() => isAlone)
  cache.keep('a', 'x', cache.generation)
  isAlone = false
  assert.equal(cache.get('a'), undefined)
  cache.keep('b', 'y', cache.generation)
  isAlone = true
  assert.equal(cache.get('b'), undefined)
})

test('Caches drop a row at once and take it again when its batch is stable', async () => {
  let settle: () => void = () => undefined
  const caches = new Caches({
    settled: () => new Promise<void>((resolve) => (settle = resolve)),
    mayKeep: () => true,
  })
  const key = { id: 'GK1' } as AccessKey
  caches.accessKeys.keep('GK1', key, caches.accessKeys.generation)
  caches.accessKeyTouched('GK1')
  assert.equal(caches.accessKeys.get('GK1'), undefined)
  await Promise.resolve()
  caches.accessKeys.keep('GK1', key, caches.accessKeys.generation)
  assert.equal(caches.accessKeys.get('GK1'), undefined)
  settle()
  await new Promise((resolve) => setImmediate(resolve))
  caches.accessKeys.keep('GK1', key, caches.accessKeys.generation)
  assert.equal(caches.accessKeys.get('GK1'), key)
})
