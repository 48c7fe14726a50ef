import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareUtf8 } from '../../../src/base/bytes.ts'
import { LIST_KEYS_MAX } from '../../../src/base/limits.ts'
import { deleteObjects } from '../../../src/store/object/delete-object.ts'
import { afterPrefix } from '../../../src/store/object/index-walk.ts'
import { listObjects, type ListObjectsInput } from '../../../src/store/object/list-objects.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import type { Store } from '../../../src/store/store.ts'
import { bodyOf, bucketOf, codeOf, content, openStore } from '../harness.ts'

const keys = [
  ' ',
  '%',
  '+',
  '..',
  '/',
  '//',
  '//a',
  'a',
  'a/',
  'a/b',
  'a/b/c',
  'a/c',
  'ab',
  'b//c',
  'b//d',
  'b/é',
  'x\u{d7ff}y',
  'x\u{e000}',
  'x\u{fffd}',
  'x\u{1f600}',
  'x\u{1f600}/1',
  'x\u{10ffff}',
  'x\u{10ffff}\u{10ffff}',
  'z'.repeat(1024),
].sort(compareUtf8)

/** What S3 says, by the plainest means. */
function expected(prefix: string, delimiter: string): { keys: string[]; prefixes: string[] } {
  const found = { keys: [] as string[], prefixes: [] as string[] }
  for (const key of keys) {
    if (!key.startsWith(prefix)) continue
    const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const common = key.slice(0, at + delimiter.length)
    if (at < 0) found.keys.push(key)
    else if (!found.prefixes.includes(common)) found.prefixes.push(common)
  }
  return found
}

/** Every page of a list together, each within its limit. */
async function walk(
  store: Store,
  input: ListObjectsInput,
): Promise<{ keys: string[]; prefixes: string[] }> {
  const found = { keys: [] as string[], prefixes: [] as string[] }
  let start: Pick<ListObjectsInput, 'after' | 'from'> = {}
  for (let pages = 0; pages < 40; pages += 1) {
    const page = await listObjects(store, { ...input, ...start })
    assert.ok(page.entries.length + page.prefixes.length <= input.limit)
    found.keys.push(...page.entries.map(({ key }) => key))
    found.prefixes.push(...page.prefixes)
    assert.equal(page.truncated, page.next !== undefined)
    if (page.next === undefined) return found
    // V1 goes on after the last key or common prefix, V2 where the page says.
    start = input.limit === 2 ? { after: page.last } : page.next
  }
  assert.fail('the list does not end')
}

for (const shardCount of [1, 4]) {
  test(`listObjects() agrees with the plainest list, ${shardCount} shard(s)`, async () => {
    const world = await openStore({ shardCount })
    const { store } = world
    const { bucket } = await bucketOf(store)
    for (const [index, key] of keys.entries()) {
      await putObject(store, { bucket, key, metadata: [], body: bodyOf(content(index, index)) })
    }
    for (const prefix of ['', 'a', 'a/', 'b/', 'x', 'x\u{10ffff}', 'no', '/']) {
      for (const delimiter of ['', '/', '//', 'b', '\u{10ffff}']) {
        for (const limit of [1, 2, 3, 1000]) {
          const found = await walk(store, { bucket, prefix, delimiter, limit })
          const wanted = expected(prefix, delimiter)
          assert.deepEqual(found, wanted, `"${prefix}" "${delimiter}" ${limit}`)
        }
      }
    }
    const [entry] = (await listObjects(store, { bucket, prefix: 'ab', limit: 1 })).entries
    assert.equal(entry?.size, keys.indexOf('ab'))
    assert.match(entry?.etag ?? '', /^[0-9a-f]{32}$/)
    const none = await listObjects(store, { bucket, limit: 0 })
    assert.deepEqual([none.entries.length, none.truncated], [0, false])
    await world.stop()
  })
}

test('listObjects() begins after any key, in or before the prefix', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  for (const key of ['a/1', 'a/2', 'b', 'c/1']) {
    await putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 1)) })
  }
  const list = async (input: Partial<ListObjectsInput>): Promise<string[]> => {
    const page = await listObjects(store, { bucket, limit: 10, ...input })
    return [...page.entries.map(({ key }) => key), ...page.prefixes]
  }
  assert.deepEqual(await list({ after: 'a/1' }), ['a/2', 'b', 'c/1'])
  assert.deepEqual(await list({ after: 'a/1', delimiter: '/' }), ['b', 'a/', 'c/'])
  assert.deepEqual(await list({ after: 'a/', delimiter: '/' }), ['b', 'c/'])
  assert.deepEqual(await list({ after: 'a', prefix: 'c/' }), ['c/1'])
  assert.deepEqual(await list({ after: 'd', prefix: 'c/' }), [])
  await world.stop()
})

test('deleteObjects() says for each key what became of it, and LIST shows none of them', async () => {
  const world = await openStore({ shardCount: 4 })
  const { store } = world
  const { bucket } = await bucketOf(store)
  for (const key of ['a', 'b', 'c']) {
    await putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 1)) })
  }
  const outcomes = await deleteObjects(store, { bucket, keys: ['a', 'missing', 'c', 'a'] })
  assert.deepEqual(
    outcomes.map(({ key, error }) => [key, error]),
    [
      ['a', undefined],
      ['missing', undefined],
      ['c', undefined],
      ['a', undefined],
    ],
  )
  const page = await listObjects(store, { bucket, limit: 10 })
  assert.deepEqual(
    page.entries.map(({ key }) => key),
    ['b'],
  )
  const unknown = 'ff'.repeat(32) as typeof bucket
  assert.equal(await codeOf(listObjects(store, { bucket: unknown, limit: 1 })), 'NoSuchBucket')
  await world.stop()
})

test('afterPrefix() is just above every text that begins so', () => {
  assert.equal(afterPrefix('a/'), 'a0')
  assert.equal(afterPrefix('a\u{d7ff}'), 'a\u{e000}')
  assert.equal(afterPrefix('a\u{10ffff}\u{10ffff}'), 'b')
  assert.equal(afterPrefix('\u{10ffff}'), undefined)
})

test('a full page with more behind it is one read of rows', async (t) => {
  const world = await openStore()
  const { store } = world
  const { bucket } = await bucketOf(store)
  const names = Array.from({ length: LIST_KEYS_MAX + 10 }, (_, index) => `${10_000 + index}`)
  await Promise.all(
    names.map((key) =>
      putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 1)) }),
    ),
  )
  const range = t.mock.method(world.db, 'range')
  const page = await listObjects(store, { bucket, limit: LIST_KEYS_MAX })
  assert.deepEqual(
    [page.entries.map(({ key }) => key), page.truncated],
    [names.slice(0, LIST_KEYS_MAX), true],
  )
  assert.equal(range.mock.callCount(), 1)
  range.mock.restore()
  await world.stop()
})
