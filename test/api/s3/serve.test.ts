/** The S3 door as a whole: who may, what is said to whom, styles, CORS, metrics. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AuthError } from '../../../src/api/auth/errors.ts'
import { PAGE_PLACE_MS, PAGES_AT_ONCE_MAX } from '../../../src/base/limits.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import { isHotS3Request, renderS3Fault } from '../../../src/api/s3/serve.ts'
import { prepare } from '../../support/signed-client.ts'
import type { Call } from '../../support/signed-client.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { textAt } from '../../support/xml-tree.ts'
import { openDoor } from './door.ts'
import type { Door } from './door.ts'

let door: Door
before(async () => {
  door = await openDoor({ devCors: true, rootDomains: ['s3.example.org'] })
  await door.call({ method: 'PUT', key: 'k', body: Buffer.from('value') })
})
after(() => door.close())

const plain = (
  method: string,
  path: string,
  headers: Record<string, string> = {},
): ReturnType<Door['send']> =>
  door.send({ method, path, headers: { host: 'localhost', ...headers }, body: Buffer.of() })

test('every answer carries the server and x-amz-id-2; errors say request and resource', async () => {
  for (const call of [
    { method: 'GET', key: 'k' },
    { method: 'GET', key: 'none' },
    { method: 'PUT', key: 'other' },
  ]) {
    const reply = await door.call(call)
    assert.equal(reply.headers.get('server'), 'Hangar')
    assert.ok(reply.headers.get('x-amz-id-2'))
    if (reply.status < 400) continue
    assert.equal(reply.headers.get('content-type'), 'application/xml')
    assert.equal(textAt(reply.xml, 'Resource'), '/bucket/none')
    assert.match(textAt(reply.xml, 'RequestId')!, /^request-\d+$/)
    assert.equal(textAt(reply.xml, 'HostId'), reply.headers.get('x-amz-id-2'))
  }
})

test('requests without a signature are refused alike, whatever is there', async () => {
  for (const path of ['/', '/bucket', '/none', '/bucket/k', '/bucket/none', '/bucket/k?acl']) {
    const reply = await plain('GET', path, { 'if-modified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' })
    assert.equal(reply.status, 403, path)
    assert.equal(reply.code, 'AccessDenied', path)
  }
  assert.equal((await plain('PUT', '/bucket/k')).status, 403)
  assert.equal((await plain('GET', '/bucket/k?response-content-type=a')).status, 403)
})

test('a key reads, writes and owns only as it may; conditions tell it nothing', async () => {
  const rows: [Call, 'read' | 'write' | 'owner'][] = [
    [{ method: 'GET', key: 'k' }, 'read'],
    [{ method: 'GET', key: 'none' }, 'read'],
    [{ method: 'GET', key: 'k', headers: { 'if-none-match': '*' } }, 'read'],
    [{ method: 'HEAD', key: 'k' }, 'read'],
    [{ method: 'HEAD' }, 'read'],
    [{ method: 'GET' }, 'read'],
    [{ method: 'GET', query: { 'list-type': '2' } }, 'read'],
    [{ method: 'GET', query: { location: '' } }, 'read'],
    [{ method: 'GET', query: { uploads: '' } }, 'read'],
    [{ method: 'GET', key: 'k', query: { uploadId: 'x' } }, 'read'],
    [{ method: 'PUT', key: 'k', headers: { 'if-none-match': '*' } }, 'write'],
    [{ method: 'DELETE', key: 'k' }, 'write'],
    [{ method: 'POST', query: { delete: '' } }, 'write'],
    [{ method: 'POST', key: 'k', query: { uploads: '' } }, 'write'],
    [{ method: 'PUT', key: 'k', query: { partNumber: '1', uploadId: 'x' } }, 'write'],
    [{ method: 'POST', key: 'k', query: { uploadId: 'x' } }, 'write'],
    [{ method: 'DELETE', key: 'k', query: { uploadId: 'x' } }, 'write'],
    [{ method: 'DELETE' }, 'owner'],
  ]
  for (const right of ['read', 'write', 'owner'] as const) {
    const target = await door.key({ [right]: true })
    for (const [call, wanted] of rows) {
      if (wanted === right && call.method === 'DELETE') continue
      const reply = await door.send(prepare(target, { bucket: 'bucket', ...call }))
      const says = `${right}: ${call.method} ${JSON.stringify(call.query)} ${reply.status}`
      if (wanted === right) assert.notEqual(reply.status, 403, says)
      else assert.equal(reply.status, 403, says)
      if (reply.status === 403 && call.method !== 'HEAD') {
        assert.match(reply.text, new RegExp(`no ${wanted} right`))
      }
    }
  }
})

test('a bucket that is not there is 404 for every key, one that is there 403 for strangers', async () => {
  const stranger = await door.key({})
  const none = await door.send(prepare(stranger, { method: 'GET', bucket: 'none', key: 'k' }))
  assert.equal(none.code, 'NoSuchBucket')
  const there = await door.send(prepare(stranger, { method: 'GET', bucket: 'bucket', key: 'k' }))
  assert.equal(there.code, 'AccessDenied')
})

test('host names bucket or path: both styles reach the same object', async () => {
  const rows: [string, string][] = [
    ['localhost:3900', '/bucket/k'],
    ['127.0.0.1:3900', '/bucket/k'],
    ['s3.localhost', '/bucket/k'],
    ['s3.example.org', '/bucket/k'],
    ['anything.example', '/bucket/k'],
    ['bucket.s3.localhost:3900', '/k'],
    ['bucket.localhost:3900', '/k'],
    ['BUCKET.s3.example.org', '/k'],
  ]
  for (const [host, path] of rows) {
    const [bucket, key] = path === '/k' ? ['k', undefined] : ['bucket', 'k']
    const call = { method: 'GET', bucket, ...(key === undefined ? {} : { key }), headers: { host } }
    const reply = await door.send(prepare(door.owner, call))
    assert.equal(reply.text, 'value', `${host} ${path} ${reply.status}`)
  }
})

test('paths are read strictly', async () => {
  const signed = (path: string): ReturnType<Door['send']> => {
    const prepared = prepare(door.owner, { method: 'GET', bucket: 'bucket', key: 'k' })
    return door.send({ ...prepared, path })
  }
  for (const path of ['/bucket/%zz', '/bucket/%00', '/bucket/%c0%af', '/bucket/%ff', '/bucket/%']) {
    const reply = await signed(path)
    assert.equal(reply.status, 400, path)
    assert.equal(reply.code, 'InvalidURI', path)
  }
})

test('devCors lets pages of this machine in, errors too, and nobody else', async () => {
  const local = await door.call({
    method: 'GET',
    key: 'none',
    headers: { origin: 'http://localhost:5173' },
  })
  assert.equal(local.headers.get('access-control-allow-origin'), 'http://localhost:5173')
  assert.match(local.headers.get('access-control-expose-headers')!, /ETag/)
  assert.equal(local.headers.get('access-control-allow-credentials'), undefined)
  for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null']) {
    const reply = await door.call({ method: 'GET', key: 'k', headers: { origin } })
    assert.equal(reply.headers.get('access-control-allow-origin'), undefined, origin)
  }
  const ask = {
    origin: 'http://127.0.0.1:8080',
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'content-type,x-amz-acl',
  }
  const preflight = await plain('OPTIONS', '/bucket/k', ask)
  assert.equal(preflight.status, 200)
  assert.equal(preflight.headers.get('access-control-allow-headers'), 'content-type,x-amz-acl')
  assert.match(preflight.headers.get('access-control-allow-methods')!, /PUT/)
  const evil = await plain('OPTIONS', '/bucket/k', { ...ask, origin: 'https://evil.example' })
  assert.equal(evil.status, 403)
  const closed = await openDoor()
  try {
    const path = '/bucket/k'
    const headers = { host: 'localhost', ...ask }
    const reply = await closed.send({ method: 'OPTIONS', path, headers, body: Buffer.of() })
    assert.equal(reply.code, 'AccessForbidden')
  } finally {
    await closed.close()
  }
})

test('metrics count requests by operation and class of status', async () => {
  await door.call({ method: 'GET', key: 'k' })
  const text = door.metrics.text()
  assert.match(text, /hangar_s3_requests_total\{operation="GetObject",status="2xx"\} \d+/)
  assert.match(text, /hangar_s3_requests_total\{operation="PutObject",status="2xx"\} \d+/)
  assert.match(text, /operation="Unknown",status="4xx"/)
})

test('renderS3Fault() answers what the HTTP server refuses in S3 words', () => {
  const error = new HttpError('RequestHeaderSectionTooLarge', 'Cannot read the request: too long')
  const answer = renderS3Fault({ error, requestId: 'r', target: '/a?b' })
  assert.equal(answer.status, 400)
  assert.match(answer.body as string, /<Code>RequestHeaderSectionTooLarge<\/Code>/)
  assert.match(answer.body as string, /<Resource>\/a<\/Resource><RequestId>r</)
  const bug = renderS3Fault({ error: new Error('secret'), requestId: 'r', target: '' })
  assert.equal(bug.status, 500)
  assert.doesNotMatch(bug.body as string, /secret/)
  const auth = new AuthError('AccessDenied', 'Access denied')
  assert.equal(renderS3Fault({ error: auth, requestId: 'r', target: '' }).status, 403)
})

test('isHotS3Request() tells the operations that go without middleware', () => {
  const rows: [string, string, boolean][] = [
    ['GET', '/b/k', true],
    ['HEAD', '/b/k', true],
    ['PUT', '/b/k', true],
    ['DELETE', '/b/k', true],
    ['PUT', '/b/k?partNumber=1&uploadId=u', true],
    ['GET', '/b', true],
    ['GET', '/b/?list-type=2', true],
    ['GET', '/b/k?X-Amz-Signature=s', true],
    ['GET', '/b?location', false],
    ['POST', '/b/k?uploads', false],
    ['PUT', '/b', false],
    ['DELETE', '/b', false],
    ['GET', '/b/k?acl', false],
    ['GET', '/b/k?%zz', false],
    ['PATCH', '/b/k', false],
  ]
  for (const [method, target, hot] of rows) {
    assert.equal(isHotS3Request({ method, target }), hot, `${method} ${target}`)
  }
})

test('a fifth list asks for no row before one of four has ended, or has waited for others', async (t) => {
  const clock = new VirtualClock(systemClock.wallMicros())
  const held = await openDoor({ clock })
  t.after(() => held.close())
  assert.equal((await held.call({ method: 'PUT', key: 'k', body: Buffer.of(1) })).status, 200)
  let asked = 0
  const waiting: (() => void)[] = []
  const { tables } = held.store
  const page: typeof tables.page = async (...input) => {
    asked += 1
    await new Promise<void>((resolve) => waiting.push(resolve))
    return tables.page(...input)
  }
  const get = (target: object, name: string | symbol): unknown => {
    const value: unknown = name === 'page' ? page : Reflect.get(target, name)
    return typeof value === 'function' ? (value.bind(tables) as unknown) : value
  }
  Object.assign(held.store, { tables: new Proxy(tables, { get }) })
  // Each of the four kinds of pages counts.
  const queries = [{}, { 'list-type': '2' }, { versions: '' }, { uploads: '' }]
  const lists = Array.from({ length: 8 }, (_, index) =>
    held.call({ method: 'GET', query: queries[index % 4]! }),
  )
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  await turns()
  assert.equal(asked, PAGES_AT_ONCE_MAX)
  // What is no list waits for none.
  assert.equal((await held.call({ method: 'GET', key: 'k' })).status, 200)
  await clock.run(PAGE_PLACE_MS - 1)
  await turns()
  assert.equal(asked, PAGES_AT_ONCE_MAX)
  waiting[0]!()
  await turns()
  assert.equal(asked, PAGES_AT_ONCE_MAX + 1, 'one has ended')
  await clock.run(1)
  await turns()
  assert.equal(asked, 8, 'three others have been in for long')
  for (const go of waiting) go()
  assert.deepEqual(
    (await Promise.all(lists)).map(({ status }) => status),
    Array.from({ length: 8 }, () => 200),
  )
})
