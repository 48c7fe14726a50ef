import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  compareKeys,
  completedObject,
  emptyBucket,
  listObjects,
  listUploads,
  partFaults,
  type ListInput,
  type ModelUpload,
} from './s3-model.ts'

const object = { pieces: [], etag: '', headers: {}, multipart: false }
const start = { prefix: '', delimiter: '', limit: 1000, after: { kind: 'start' } } as const

function bucketOf(...keys: readonly string[]): ReturnType<typeof emptyBucket> {
  const bucket = emptyBucket()
  for (const key of keys) bucket.objects.set(key, object)
  return bucket
}

function names(bucket: ReturnType<typeof emptyBucket>, input: ListInput): string[] {
  return listObjects(bucket, input).items.map((item) =>
    item.kind === 'entry' ? item.key : `[${item.prefix}]`,
  )
}

test('compareKeys orders by UTF-8 and not by UTF-16', () => {
  const keys = ['😀', '\uff5e', 'a']
  assert.deepEqual([...keys].sort(), ['a', '😀', '\uff5e'])
  assert.deepEqual([...keys].sort(compareKeys), ['a', '\uff5e', '😀'])
})

test('listObjects counts each common prefix as one and goes on behind it', () => {
  const bucket = bucketOf('a', 'b/1', 'b/2', 'b/3/x', 'c', 'd/1')
  const input = { ...start, delimiter: '/' }
  assert.deepEqual(names(bucket, input), ['a', '[b/]', 'c', '[d/]'])
  const first = listObjects(bucket, { ...input, limit: 2 })
  assert.equal(first.truncated, true)
  assert.deepEqual(names(bucket, { ...input, limit: 2, after: first.end }), ['c', '[d/]'])
  assert.equal(listObjects(bucket, { ...input, limit: 2, after: first.end }).truncated, false)
  assert.deepEqual(names(bucket, { ...input, prefix: 'b/' }), ['b/1', 'b/2', '[b/3/]'])
})

test('listUploads goes on behind one upload of several of a key', () => {
  const bucket = emptyBucket()
  for (const [id, key] of [
    ['3', 'b'],
    ['1', 'a'],
    ['2', 'a'],
  ] as const) {
    bucket.uploads.set(id, { id, key, headers: {}, parts: new Map() })
  }
  const page = listUploads(bucket, { ...start, after: { kind: 'key', key: 'a' }, afterUpload: '1' })
  assert.deepEqual(
    page.items.map((item) => (item.kind === 'entry' ? item.value.id : '')),
    ['2', '3'],
  )
})

test('partFaults and completedObject judge a list of parts', () => {
  const big = 5 * 1024 * 1024
  const etag = '0cc175b9c0f1b6a831c399e269772661'
  const upload: ModelUpload = {
    ...{ id: 'u', key: 'k', headers: {} },
    parts: new Map([
      [1, { content: { seed: 1, size: big }, etag }],
      [2, { content: { seed: 2, size: 3 }, etag }],
      [4, { content: { seed: 3, size: 3 }, etag }],
    ]),
  }
  const list = (...numbers: readonly number[]): { partNumber: number; etag: string }[] =>
    numbers.map((partNumber) => ({ partNumber, etag }))
  assert.deepEqual([...partFaults(upload, list(1, 2))], [])
  assert.deepEqual([...partFaults(upload, list(2, 4))], ['EntityTooSmall'])
  assert.deepEqual([...partFaults(upload, list(2, 1))].sort(), [
    'EntityTooSmall',
    'InvalidPartOrder',
  ])
  assert.deepEqual([...partFaults(upload, list(3))], ['InvalidPart'])
  assert.deepEqual([...partFaults(upload, [])], ['MalformedXML'])
  const made = completedObject(upload, list(1, 2), () => '')
  assert.match(made.etag, /^[0-9a-f]{32}-2$/)
  assert.equal(made.pieces.length, 2)
})
