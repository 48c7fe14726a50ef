/** ListObjectsV2: pages, prefixes, tokens, encodings. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PAGES_AT_ONCE_MAX } from '../../../../src/base/limits.ts'
import { childrenOf, textAt } from '../../../support/xml-tree.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

const keys = ['a', 'b/1', 'b/2', 'b/c/3', 'd e+f', 'd/é', 'z<&>"', '\uE000', '😀']

let door: Door
before(async () => {
  door = await openDoor({ shardCount: 4 })
  for (const key of keys) await door.call({ method: 'PUT', key, body: Buffer.from(key) })
})
after(() => door.close())

const list = (query: Record<string, string> = {}): Promise<Reply> =>
  door.call({ method: 'GET', query: { 'list-type': '2', ...query } })
const keysOf = (reply: Reply): string[] =>
  childrenOf(reply.xml, 'Contents').map((one) => textAt(one, 'Key')!)
const prefixesOf = (reply: Reply): string[] =>
  childrenOf(reply.xml, 'CommonPrefixes').map((one) => textAt(one, 'Prefix')!)

test('listObjectsV2 lists in UTF-8 order, each object with what S3 says of it', async () => {
  const reply = await list()
  assert.equal(reply.status, 200)
  assert.equal(reply.headers.get('content-type'), 'application/xml')
  assert.deepEqual(keysOf(reply), keys)
  const first = childrenOf(reply.xml, 'Contents')[0]!
  assert.deepEqual(
    first.children.map((child) => child.name),
    ['Key', 'LastModified', 'ETag', 'Size', 'StorageClass'],
  )
  assert.equal(textAt(first, 'ETag'), '"0cc175b9c0f1b6a831c399e269772661"')
  assert.equal(textAt(first, 'Size'), '1')
  assert.match(textAt(first, 'LastModified')!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.equal(textAt(reply.xml, 'Name'), 'bucket')
  assert.equal(textAt(reply.xml, 'Prefix'), '')
  assert.equal(textAt(reply.xml, 'KeyCount'), String(keys.length))
  assert.equal(textAt(reply.xml, 'MaxKeys'), '1000')
  assert.equal(textAt(reply.xml, 'IsTruncated'), 'false')
  assert.equal(textAt(reply.xml, 'Delimiter'), undefined)
})

test('listObjectsV2 meets every key and prefix once, at every page size and delimiter', async () => {
  for (const delimiter of [undefined, '/', 'c/', '/c/', ' e+']) {
    const query = delimiter === undefined ? {} : { delimiter }
    const whole = await list(query)
    const expected = [...keysOf(whole), ...prefixesOf(whole)].sort()
    for (const size of [1, 2, 3]) {
      const met: string[] = []
      let token: string | undefined
      do {
        const more = token === undefined ? {} : { 'continuation-token': token }
        const page = await list({ ...query, ...more, 'max-keys': `${size}` })
        assert.equal(textAt(page.xml, 'ContinuationToken'), token)
        const count = keysOf(page).length + prefixesOf(page).length
        assert.equal(textAt(page.xml, 'KeyCount'), String(count))
        met.push(...keysOf(page), ...prefixesOf(page))
        token = textAt(page.xml, 'NextContinuationToken')
        assert.equal(textAt(page.xml, 'IsTruncated'), String(token !== undefined))
      } while (token !== undefined)
      assert.deepEqual(met.sort(), expected, `${delimiter} by ${size}`)
    }
  }
})

test('listObjectsV2 honours prefix, delimiter, start-after and fetch-owner', async () => {
  const folded = await list({ delimiter: '/' })
  assert.deepEqual(prefixesOf(folded), ['b/', 'd/'])
  assert.equal(textAt(folded.xml, 'Delimiter'), '/')
  const below = await list({ prefix: 'b/', delimiter: '/' })
  assert.deepEqual([keysOf(below), prefixesOf(below)], [['b/1', 'b/2'], ['b/c/']])
  const after1 = await list({ 'start-after': 'b/1', prefix: 'b/' })
  assert.deepEqual(keysOf(after1), ['b/2', 'b/c/3'])
  assert.equal(textAt(after1.xml, 'StartAfter'), 'b/1')
  const owned = await list({ 'fetch-owner': 'true', prefix: 'a' })
  assert.equal(textAt(owned.xml, 'Contents', 'Owner', 'ID'), door.owner.accessKeyId)
})

test('listObjectsV2 encodes keys when asked to', async () => {
  const query = { 'encoding-type': 'url', prefix: 'd', delimiter: 'é', 'start-after': 'a b' }
  const reply = await list(query)
  assert.equal(textAt(reply.xml, 'EncodingType'), 'url')
  assert.deepEqual([keysOf(reply), prefixesOf(reply)], [['d%20e%2Bf'], ['d/%C3%A9']])
  assert.equal(textAt(reply.xml, 'Delimiter'), '%C3%A9')
  assert.equal(textAt(reply.xml, 'StartAfter'), 'a%20b')
})

test('listObjectsV2 stays well-formed with keys that XML cannot hold', async () => {
  const key = 'ctl/\u0001\u001f\r\n\t'
  await door.call({ method: 'PUT', key })
  const plain = await list({ prefix: 'ctl/' })
  assert.deepEqual(keysOf(plain), ['ctl/\uFFFD\uFFFD\r\n\t'])
  const encoded = await list({ prefix: 'ctl/', 'encoding-type': 'url' })
  assert.deepEqual(keysOf(encoded), ['ctl/%01%1F%0D%0A%09'])
  await door.call({ method: 'DELETE', key })
})

test('listObjectsV2 bounds max-keys: 0 is an empty list, nonsense is refused', async () => {
  const none = await list({ 'max-keys': '0' })
  assert.deepEqual(keysOf(none), [])
  assert.equal(textAt(none.xml, 'IsTruncated'), 'false')
  assert.equal(textAt((await list({ 'max-keys': '5000' })).xml, 'MaxKeys'), '1000')
  for (const value of ['-1', 'abc', '2147483648', '1.5', '1e3', '+1', ' 1']) {
    const reply = await list({ 'max-keys': value })
    assert.equal(reply.status, 400, value)
    assert.equal(reply.code, 'InvalidArgument')
  }
  for (const query of [{ 'encoding-type': 'gzip' }, { 'fetch-owner': 'yes' }]) {
    assert.equal((await list(query as Record<string, string>)).code, 'InvalidArgument')
  }
})

test('listObjectsV2 refuses a token that is not of this list', async () => {
  const page = await list({ 'max-keys': '1', delimiter: '/' })
  const token = textAt(page.xml, 'NextContinuationToken')!
  const of = (query: Record<string, string>): Promise<Reply> =>
    list({ delimiter: '/', 'continuation-token': token, ...query })
  assert.equal((await of({})).status, 200)
  const changed = token.slice(0, -2) + (token.endsWith('AA') ? 'BB' : 'AA')
  for (const query of [
    { 'continuation-token': changed },
    { 'continuation-token': 'x'.repeat(100_000) },
    { 'continuation-token': '%%%' },
    { prefix: 'b/' },
    { delimiter: '-' },
  ]) {
    const reply = await of(query as Record<string, string>)
    assert.equal(reply.status, 400, JSON.stringify(query).slice(0, 80))
    assert.equal(reply.code, 'InvalidArgument')
  }
  await door.call({ method: 'PUT', bucket: 'second' })
  const query = { 'list-type': '2', delimiter: '/', 'continuation-token': token }
  assert.equal((await door.call({ method: 'GET', bucket: 'second', query })).status, 400)
})

test('listObjectsV2 takes an empty token for none, as clients send it', async () => {
  const reply = await list({ 'continuation-token': '' })
  assert.equal(reply.status, 200)
  assert.equal(textAt(reply.xml, 'ContinuationToken'), '')
})

test('more lists than run together are all answered, whatever becomes of some', async () => {
  const wrong = { 'continuation-token': 'none of ours' }
  const asked = Array.from({ length: 6 * PAGES_AT_ONCE_MAX }, (_, index) =>
    list(index % 3 === 0 ? wrong : {}),
  )
  const replies = await Promise.all(asked)
  replies.forEach((reply, index) => {
    assert.equal(reply.status, index % 3 === 0 ? 400 : 200)
    if (index % 3 !== 0) assert.deepEqual(keysOf(reply), keys)
  })
})
