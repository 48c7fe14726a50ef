/** PutObject: what is stored, what is answered, what is refused. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { GIB } from '../../../../src/base/limits.ts'
import { checksumOf } from '../../../support/checksums.ts'
import { PAYLOAD_MODES } from '../../../support/payload.ts'
import { prepare } from '../../../support/signed-client.ts'
import { openDoor } from '../door.ts'
import type { Door } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const md5 = (body: Buffer): string => createHash('md5').update(body).digest('hex')
const small = Buffer.from('small')

test('putObject answers the quoted MD5; the object reads back, empty, small and large', async () => {
  for (const size of [0, 1, 8192, 8193, 1_048_577, 3_200_000]) {
    const body = Buffer.alloc(size, `${size}-`)
    const put = await door.call({ method: 'PUT', key: `size/${size}`, body })
    assert.equal(put.status, 200, put.text)
    assert.equal(put.headers.get('etag'), `"${md5(body)}"`)
    const got = await door.call({ method: 'GET', key: `size/${size}` })
    assert.equal(got.status, 200)
    assert.ok(got.body.equals(body))
    assert.equal(got.headers.get('etag'), `"${md5(body)}"`)
    assert.equal(got.headers.get('content-type'), 'binary/octet-stream')
    assert.equal(got.headers.get('accept-ranges'), 'bytes')
    assert.ok(got.headers.get('last-modified')?.endsWith('GMT'))
  }
})

test('putObject takes every payload mode, and keeps no framing', async () => {
  const body = Buffer.alloc(100_000, 'framed ')
  for (const payload of PAYLOAD_MODES) {
    const trailer = payload.endsWith('TRAILER') ? { trailer: 'CRC32' as const } : {}
    const put = await door.call({ method: 'PUT', key: 'mode', body, payload, ...trailer })
    assert.equal(put.status, 200, `${payload} ${put.text}`)
    const got = await door.call({ method: 'GET', key: 'mode' })
    assert.ok(got.body.equals(body), payload)
    assert.equal(got.headers.get('content-encoding'), undefined, payload)
  }
})

test('putObject keeps the stored headers byte for byte', async () => {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'max-age=60',
    'content-disposition': 'attachment; filename="a.txt"',
    'content-encoding': 'gzip',
    'content-language': 'fr',
    expires: 'Thu, 01 Dec 2030 16:00:00 GMT',
    'x-amz-meta-plain': 'one, two',
    'x-amz-meta-__proto__': 'harmless',
  }
  const put = await door.call({ method: 'PUT', key: 'meta', headers, body: small })
  assert.equal(put.status, 200, put.text)
  const got = await door.call({ method: 'HEAD', key: 'meta' })
  for (const [name, value] of Object.entries(headers)) {
    assert.equal(got.headers.get(name), value, name)
  }
})

test('putObject refuses metadata over 2 KiB', async () => {
  const fits = { 'x-amz-meta-a': 'v'.repeat(2047) }
  assert.equal((await door.call({ method: 'PUT', key: 'm', headers: fits })).status, 200)
  const over = { 'x-amz-meta-a': 'v'.repeat(2048) }
  const reply = await door.call({ method: 'PUT', key: 'm', headers: over })
  assert.equal(reply.status, 400)
  assert.equal(reply.code, 'MetadataTooLarge')
})

test('putObject verifies, keeps and returns each checksum', async () => {
  for (const algorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const) {
    const name = `x-amz-checksum-${algorithm.toLowerCase()}`
    const value = checksumOf(algorithm, small)
    const right = { method: 'PUT', key: algorithm, body: small, headers: { [name]: value } }
    const put = await door.call(right)
    assert.equal(put.headers.get(name), value, put.text)
    assert.equal(put.headers.get('x-amz-checksum-type'), 'FULL_OBJECT')
    const call = { method: 'GET', key: algorithm }
    const plain = await door.call(call)
    assert.equal(plain.headers.get(name), undefined)
    const asked = await door.call({ ...call, headers: { 'x-amz-checksum-mode': 'ENABLED' } })
    assert.equal(asked.headers.get(name), value)
    const wrong = await door.call({ ...right, key: 'wrong', body: Buffer.from('smell') })
    assert.equal(wrong.code, 'BadDigest', algorithm)
    assert.equal((await door.call({ method: 'HEAD', key: 'wrong' })).status, 404)
    const composite = await door.call({ ...right, headers: { [name]: `${value}-2` } })
    assert.equal(composite.code, 'InvalidRequest', algorithm)
  }
})

test('putObject verifies Content-MD5 and the hash of the signature', async () => {
  const md5Of = (text: string): string => createHash('md5').update(text).digest('base64')
  const put = (contentMd5: string): ReturnType<Door['call']> =>
    door.call({ method: 'PUT', key: 'md5', body: small, headers: { 'content-md5': contentMd5 } })
  assert.equal((await put(md5Of('small'))).status, 200)
  assert.equal((await put(md5Of('smell'))).code, 'BadDigest')
  assert.equal((await put('rubbish')).code, 'InvalidDigest')
  const prepared = prepare(door.owner, { method: 'PUT', bucket: 'bucket', key: 'h', body: small })
  const other = await door.send({ ...prepared, body: Buffer.from('smell') })
  assert.equal(other.code, 'XAmzContentSHA256Mismatch')
})

test('putObject keeps If-None-Match and If-Match, and refuses other conditions', async () => {
  const put = (headers: Record<string, string>, key = 'c'): ReturnType<Door['call']> =>
    door.call({ method: 'PUT', key, headers, body: small })
  const first = await put({ 'if-none-match': '*' })
  assert.equal(first.status, 200)
  const again = await put({ 'if-none-match': '*' })
  assert.equal(again.status, 412)
  assert.equal(again.code, 'PreconditionFailed')
  assert.match(again.text, /<Condition>If-None-Match<\/Condition>/)
  assert.equal((await put({ 'if-match': first.headers.get('etag')! })).status, 200)
  assert.equal((await put({ 'if-match': md5(small) })).status, 200)
  assert.equal((await put({ 'if-match': '"other"' })).status, 412)
  const absent = await put({ 'if-match': '"other"' }, 'not-there')
  assert.equal(absent.status, 404)
  assert.equal(absent.code, 'NoSuchKey')
  for (const headers of [
    { 'if-none-match': '"etag"' },
    { 'if-match': '"a", "b"' },
    { 'if-match': '"a"', 'if-none-match': '*' },
    { 'if-unmodified-since': 'Thu, 01 Dec 2030 16:00:00 GMT' },
  ]) {
    assert.equal(
      (await put(headers as Record<string, string>)).status,
      501,
      JSON.stringify(headers),
    )
  }
})

test('putObject refuses what is declared as over 5 GiB before it reads', async () => {
  const headers = { 'content-length': String(5 * GIB + 1) }
  const call = {
    method: 'PUT',
    bucket: 'bucket',
    key: 'huge',
    payload: 'UNSIGNED-PAYLOAD',
  } as const
  const prepared = prepare(door.owner, call)
  const reply = await door.send({ ...prepared, headers: { ...prepared.headers, ...headers } })
  assert.equal(reply.code === 'EntityTooLarge' || reply.code === 'SignatureDoesNotMatch', true)
  const unsigned = prepare(door.owner, { ...call, presigned: true })
  const large = { ...unsigned, headers: { ...unsigned.headers, ...headers } }
  const answer = await door.send(large)
  assert.equal(answer.status, 400)
  assert.equal(answer.code, 'EntityTooLarge', answer.text)
})

test('putObject wants a length, or chunks', async () => {
  const prepared = prepare(door.owner, {
    method: 'PUT',
    bucket: 'bucket',
    key: 'l',
    presigned: true,
  })
  const { 'content-length': _dropped, ...headers } = prepared.headers
  const reply = await door.send({ ...prepared, headers })
  assert.equal(reply.status, 411)
  assert.equal(reply.code, 'MissingContentLength')
})

test('putObject recognises the retry of an SDK, and not another request under its id', async () => {
  const headers = { 'amz-sdk-invocation-id': 'a-b-c', 'if-none-match': '*' }
  const call = { method: 'PUT', key: 'retry', headers, body: small }
  assert.equal((await door.call(call)).status, 200)
  assert.equal((await door.call(call)).status, 200, 'the same request again')
  const other = await door.call({ ...call, body: Buffer.from('other') })
  assert.equal(other.status, 412)
})

test('putObject takes keys of any shape from the path', async () => {
  const keys = ['a//b', '/lead', 'a/../b', 'a/./b', 'per%cent', 'a+b c', '😀', 'ends/', 'é', 'é']
  keys.push('k'.repeat(1024), '%2e%2e', 'q?=&', 'quote\'"<&>')
  for (const key of keys) {
    const body = Buffer.from(key)
    assert.equal((await door.call({ method: 'PUT', key, body })).status, 200, key)
  }
  for (const key of keys) {
    assert.equal((await door.call({ method: 'GET', key })).text, key)
  }
  const long = await door.call({ method: 'PUT', key: 'k'.repeat(1025) })
  assert.equal(long.code, 'KeyTooLongError')
  const climbing = await door.call({ method: 'PUT', key: '../other/key' })
  assert.equal(climbing.code, 'InvalidURI')
})
