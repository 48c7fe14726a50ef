/** GetObject: bytes, ranges, parts, conditions, overrides. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
let etag = ''
let modified = ''
const body = Buffer.from('0123456789')

before(async () => {
  door = await openDoor()
  const put = await door.call({ method: 'PUT', key: 'k', body })
  etag = put.headers.get('etag')!
  await door.call({ method: 'PUT', key: 'empty' })
  const large = Buffer.alloc(2_500_000, 'large object ')
  await door.call({ method: 'PUT', key: 'large', body: large })
  modified = (await get({})).headers.get('last-modified')!
})
after(() => door.close())

const get = (headers: Record<string, string>, query: Record<string, string> = {}): Promise<Reply> =>
  door.call({ method: 'GET', key: 'k', headers, query })

test('getObject answers ranges with 206, and ignores what it cannot honour', async () => {
  const rows: [string, number, string, string?][] = [
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=2-5', 206, '2345', 'bytes 2-5/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-100', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=5-1000', 206, '56789', 'bytes 5-9/10'],
    [`bytes=0-${'9'.repeat(19)}`, 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=9-0', 200, '0123456789'],
    ['bytes=a-b', 200, '0123456789'],
    ['bytes=0-1,3-4', 200, '0123456789'],
    [`bytes=${Array.from({ length: 1000 }, () => '0-1').join(',')}`, 200, '0123456789'],
    ['lines=1-2', 200, '0123456789'],
  ]
  for (const [range, status, text, contentRange] of rows) {
    const reply = await get({ range })
    assert.equal(reply.status, status, range)
    assert.equal(reply.text, text, range)
    assert.equal(reply.headers.get('content-range'), contentRange, range)
  }
})

test('getObject answers an unsatisfiable range with 416 and the size', async () => {
  for (const range of ['bytes=10-', 'bytes=-0']) {
    const reply = await get({ range })
    assert.equal(reply.status, 416, range)
    assert.equal(reply.code, 'InvalidRange')
    assert.equal(reply.headers.get('content-range'), 'bytes */10')
    assert.match(reply.text, /<ActualObjectSize>10</)
  }
})

test('getObject reads any range of an object of several blocks', async () => {
  const whole = await door.call({ method: 'GET', key: 'large' })
  assert.equal(whole.body.length, 2_500_000)
  for (const [start, end] of [
    [0, 0],
    [1_048_575, 1_048_576],
    [100, 2_400_000],
    [2_499_999, 2_499_999],
  ]) {
    const headers = { range: `bytes=${start}-${end}` }
    const reply = await door.call({ method: 'GET', key: 'large', headers })
    assert.ok(reply.body.equals(whole.body.subarray(start, end! + 1)), headers.range)
  }
})

test('getObject judges conditions in the order of RFC 9110', async () => {
  const earlier = 'Mon, 01 Jan 2001 00:00:00 GMT'
  const rows: [Record<string, string>, number][] = [
    [{ 'if-match': etag }, 200],
    [{ 'if-match': '*' }, 200],
    [{ 'if-match': '"a", ' + etag }, 200],
    [{ 'if-match': '"a"' }, 412],
    [{ 'if-none-match': etag }, 304],
    [{ 'if-none-match': '"a"' }, 200],
    [{ 'if-modified-since': modified }, 304],
    [{ 'if-modified-since': earlier }, 200],
    [{ 'if-unmodified-since': modified }, 200],
    [{ 'if-unmodified-since': earlier }, 412],
    [{ 'if-match': etag, 'if-unmodified-since': earlier }, 200],
    [{ 'if-none-match': '"a"', 'if-modified-since': modified }, 200],
  ]
  for (const [headers, status] of rows) {
    const reply = await get(headers)
    assert.equal(reply.status, status, JSON.stringify(headers))
    if (status === 412) assert.equal(reply.code, 'PreconditionFailed')
    if (status !== 304) continue
    assert.equal(reply.body.length, 0)
    assert.equal(reply.headers.get('etag'), etag)
    assert.equal(reply.headers.get('last-modified'), modified)
  }
})

test('getObject lets If-Range decide whether the range counts', async () => {
  assert.equal((await get({ range: 'bytes=0-1', 'if-range': etag })).status, 206)
  assert.equal((await get({ range: 'bytes=0-1', 'if-range': '"a"' })).status, 200)
})

test('getObject sees an object of one PUT as its own part 1', async () => {
  const part = await get({}, { partNumber: '1' })
  assert.equal(part.status, 206)
  assert.equal(part.headers.get('content-range'), 'bytes 0-9/10')
  assert.equal(part.headers.get('x-amz-mp-parts-count'), undefined)
  const second = await get({}, { partNumber: '2' })
  assert.equal(second.status, 416)
  assert.equal(second.code, 'InvalidPartNumber')
  const empty = await door.call({ method: 'GET', key: 'empty', query: { partNumber: '1' } })
  assert.equal(empty.status, 200)
  assert.equal(empty.body.length, 0)
  for (const partNumber of ['0', '10001', '-1', 'one', '1e3', '0x1']) {
    assert.equal((await get({}, { partNumber })).code, 'InvalidArgument', partNumber)
  }
  assert.equal((await get({ range: 'bytes=0-1' }, { partNumber: '1' })).code, 'InvalidRequest')
})

test('getObject puts response-* in place of the stored headers, also for a range', async () => {
  const query = {
    'response-content-type': 'text/html',
    'response-content-disposition': 'attachment; filename="é.txt"',
    'response-cache-control': 'no-store',
  }
  for (const headers of [{}, { range: 'bytes=0-1' }]) {
    const reply = await get(headers, query)
    assert.equal(reply.headers.get('content-type'), 'text/html')
    assert.equal(reply.headers.get('cache-control'), 'no-store')
    const bytes = Buffer.from('attachment; filename="é.txt"').toString('latin1')
    assert.equal(reply.headers.get('content-disposition'), bytes)
  }
  for (const value of ['a\r\nx-evil: 1', 'a\nb', 'a\0b']) {
    const reply = await get({}, { 'response-content-type': value })
    assert.equal(reply.status, 400)
  }
})

test('getObject says NoSuchKey with the key, and NoSuchBucket with the bucket', async () => {
  const key = await door.call({ method: 'GET', key: 'a<b' })
  assert.equal(key.status, 404)
  assert.match(key.text, /<Code>NoSuchKey<\/Code>.*<Key>a&lt;b<\/Key>/)
  const bucket = await door.call({ method: 'GET', bucket: 'no-such-bucket', key: 'k' })
  assert.match(bucket.text, /<Code>NoSuchBucket<\/Code>.*<BucketName>no-such-bucket<\/BucketName>/)
})
