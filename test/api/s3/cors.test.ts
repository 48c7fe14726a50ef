/** CORS through the S3 door: its three calls, preflights, and headers on every answer. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { silentLog } from '../../../src/base/log.ts'
import { Metrics } from '../../../src/base/metrics.ts'
import { createS3Handler } from '../../../src/api/s3/serve.ts'
import type { Store } from '../../../src/store/store.ts'
import { TableError } from '../../../src/table/errors.ts'
import { prepare } from '../../support/signed-client.ts'
import { openDoor, requestOf } from './door.ts'
import type { Door, Reply } from './door.ts'

let door: Door
before(async () => {
  door = await openDoor({ devCors: true, rootDomains: ['s3.example.org'] })
  await door.call({ method: 'PUT', key: 'k', body: Buffer.from('value') })
})
after(() => door.close())

const rules =
  '<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://*.example</AllowedOrigin>' +
  '<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule>' +
  '<CORSRule><AllowedMethod>PUT</AllowedMethod><AllowedOrigin>*</AllowedOrigin>' +
  '<AllowedHeader>*</AllowedHeader></CORSRule>'

const put = (content: string): Promise<Reply> =>
  door.call({
    method: 'PUT',
    query: { cors: '' },
    body: Buffer.from(
      `<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</CORSConfiguration>`,
    ),
  })

const options = (path: string, headers: Record<string, string>): Promise<Reply> =>
  door.send({
    method: 'OPTIONS',
    path,
    headers: { host: 'localhost', ...headers },
    body: Buffer.of(),
  })

const preflight = (origin: string, method: string, path = '/bucket/k'): Promise<Reply> =>
  options(path, { origin, 'access-control-request-method': method })

const pairs = (reply: Reply): string[] =>
  [...reply.headers]
    .filter(([name]) => name.startsWith('access-control-'))
    .map(([name, value]) => `${name.slice('access-control-'.length)}: ${value}`)

test('the rules of a bucket are put, read as they were, and deleted; only by its owner', async () => {
  const none = await door.call({ method: 'GET', query: { cors: '' } })
  assert.equal(none.status, 404)
  assert.equal(none.code, 'NoSuchCORSConfiguration')
  assert.equal((await put(rules)).status, 200)
  const read = await door.call({ method: 'GET', query: { cors: '' } })
  assert.equal(read.status, 200)
  assert.match(
    read.text,
    /<CORSConfiguration xmlns="http:\/\/s3.amazonaws.com\/doc\/2006-03-01\/">/,
  )
  assert.match(
    read.text,
    /<AllowedMethod>GET<\/AllowedMethod><AllowedOrigin>https:\/\/\*\.example</,
  )
  const wrong = await put('<CORSRule/>')
  assert.equal(wrong.code, 'MalformedXML')
  assert.equal((await door.call({ method: 'PUT', query: { cors: '' } })).code, 'MalformedXML')
  const stranger = await door.key({ read: true, write: true })
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const call = { method, bucket: 'bucket', query: { cors: '' } }
    assert.equal((await door.send(prepare(stranger, call))).code, 'AccessDenied', method)
  }
  for (let times = 0; times < 2; times += 1) {
    assert.equal((await door.call({ method: 'DELETE', query: { cors: '' } })).status, 204)
  }
  assert.equal((await door.call({ method: 'GET', query: { cors: '' } })).status, 404)
})

test('a preflight needs no signature and is answered by the first rule that fits', async () => {
  await put(rules)
  const read = await preflight('https://a.example', 'GET')
  assert.equal(read.status, 200)
  assert.equal(read.text, '')
  assert.deepEqual(pairs(read), [
    'allow-origin: https://a.example',
    'allow-credentials: true',
    'allow-methods: GET',
    'expose-headers: ETag',
    'max-age: 60',
  ])
  assert.match(read.headers.get('vary')!, /^Origin, /)
  const write = await options('/bucket', {
    origin: 'https://other.test',
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'Content-Type,x-amz-date',
  })
  assert.deepEqual(pairs(write), [
    'allow-origin: *',
    'allow-methods: PUT',
    'allow-headers: content-type, x-amz-date',
  ])
  const byHost = await options('/k', {
    host: 'bucket.s3.example.org',
    origin: 'https://a.example',
    'access-control-request-method': 'GET',
  })
  assert.equal(byHost.status, 200)
})

test('a preflight that no rule fits is refused in the words of S3', async () => {
  await put(rules)
  const wrong = await preflight('https://a.example', 'DELETE')
  assert.equal(wrong.status, 403)
  assert.equal(wrong.code, 'AccessForbidden')
  assert.match(wrong.text, /This CORS request is not allowed\. This is usually because/)
  assert.match(wrong.text, /<Method>DELETE<\/Method><ResourceType>OBJECT<\/ResourceType>/)
  assert.deepEqual(pairs(wrong), [])
  const closed = await preflight('https://a.example', 'GET', '/nobody')
  assert.match(closed.text, /CORS is not enabled for this bucket\..*<ResourceType>BUCKET</)
  assert.equal(closed.status, 403)
  assert.equal((await options('/bucket', { origin: 'https://a.example' })).code, 'BadRequest')
  assert.match(
    (await preflight('https://a.example', 'TRACE')).text,
    /Invalid Access-Control-Request-Method: TRACE/,
  )
})

test('every answer of the bucket lets the page read it, refusals and errors too', async () => {
  await put(rules)
  const headers = { origin: 'https://a.example' }
  const found = await door.call({ method: 'GET', key: 'k', headers })
  assert.equal(found.headers.get('access-control-allow-origin'), 'https://a.example')
  assert.equal(found.headers.get('access-control-expose-headers'), 'ETag')
  const absent = await door.call({ method: 'GET', key: 'none', headers })
  assert.equal(absent.status, 404)
  assert.equal(absent.headers.get('access-control-allow-origin'), 'https://a.example')
  const unsigned = await door.send({
    method: 'GET',
    path: '/bucket/k',
    headers: { host: 'localhost', ...headers },
    body: Buffer.of(),
  })
  assert.equal(unsigned.status, 403)
  assert.equal(unsigned.headers.get('access-control-allow-origin'), 'https://a.example')
  const other = await door.call({ method: 'DELETE', key: 'none', headers })
  assert.deepEqual(pairs(other), [])
  assert.match(other.headers.get('vary')!, /^Origin, /)
  const plain = await door.call({ method: 'GET', key: 'k' })
  assert.match(plain.headers.get('vary')!, /^Origin, /)
})

test('the rules of the bucket stand above what is open to this machine', async () => {
  await put(rules)
  const headers = { origin: 'http://localhost:5173' }
  const ruled = await door.call({ method: 'PUT', key: 'k', headers })
  assert.equal(ruled.headers.get('access-control-allow-origin'), '*')
  const local = await door.call({ method: 'GET', key: 'k', headers })
  assert.equal(local.headers.get('access-control-allow-origin'), 'http://localhost:5173')
  assert.equal((await preflight('http://localhost:5173', 'DELETE')).status, 200)
})

test('a preflight whose bucket cannot be asked for is answered as any request, and not refused', async () => {
  const { tables } = door.store
  const get = (target: object, name: string): unknown => {
    if (name === 'get') {
      return () => Promise.reject(new TableError('QuorumNotReached', 'two of three are down'))
    }
    const value: unknown = Reflect.get(target, name)
    return typeof value === 'function' ? (value.bind(target) as unknown) : value
  }
  const store: Store = { ...door.store, tables: new Proxy(tables, { get }) as Store['tables'] }
  const { clock } = store
  const metrics = new Metrics()
  const handler = createS3Handler({ store, metrics, clock, region: 'us-east-1', log: silentLog })
  const headers = { host: 'localhost', 'access-control-request-method': 'GET' }
  const path = '/not-at-hand/k'
  const asked = requestOf({
    ...{ method: 'OPTIONS', path, body: Buffer.of() },
    headers: { ...headers, origin: 'https://a.example' },
  })
  assert.equal((await handler(asked)).status, 503)
})
