import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from '../../../src/api/http/errors.ts'
import { hostName, hostPrefix, isKeyTooLong, locate } from '../../../src/api/http/host.ts'

const roots = ['s3.localhost', '.s3.example.org', 'eu.s3.example.org']

test('hostName strips port, brackets, final dot and case', () => {
  assert.equal(hostName('S3.Localhost:3900'), 's3.localhost')
  assert.equal(hostName('localhost.'), 'localhost')
  assert.equal(hostName('127.0.0.1:80'), '127.0.0.1')
  assert.equal(hostName('[::1]:3900'), '::1')
  assert.equal(hostName('[2001:DB8::1]'), '2001:db8::1')
})

test('hostPrefix is what stands before the longest root domain that fits', () => {
  const rows: [string, string | undefined][] = [
    ['my-bucket.s3.localhost:3900', 'my-bucket'],
    ['My.Bucket.s3.localhost', 'my.bucket'],
    ['s3.localhost', undefined],
    ['localhost', undefined],
    ['xs3.localhost', undefined],
    ['b.s3.example.org', 'b'],
    ['b.eu.s3.example.org', 'b'],
    ['eu.s3.example.org', undefined],
    ['.s3.localhost', undefined],
    ['[::1]:3900', undefined],
  ]
  for (const [host, wanted] of rows) assert.equal(hostPrefix(host, roots), wanted, host)
})

test('locate takes bucket and key from path or host, the key as sent (S28)', () => {
  const rows: [string, string, string | undefined, string | undefined][] = [
    ['localhost', '/', undefined, undefined],
    ['localhost', '/b', 'b', undefined],
    ['localhost', '/b/', 'b', undefined],
    ['localhost', '/b/k', 'b', 'k'],
    ['localhost', '/b//k', 'b', '/k'],
    ['localhost', '/b/a/../c', 'b', 'a/../c'],
    ['localhost', '/b/./a', 'b', './a'],
    ['localhost', '/b/a%2Fb%20c+d', 'b', 'a/b c+d'],
    ['localhost', '/b/a\\b', 'b', 'a\\b'],
    ['localhost', '/b/a/%2e%2e', 'b', 'a/..'],
    ['localhost', '/b/...', 'b', '...'],
    ['localhost', '/b/%E2%82%AC', 'b', '€'],
    ['b.s3.localhost:3900', '/', 'b', undefined],
    ['b.s3.localhost:3900', '/k/l', 'b', 'k/l'],
    ['b.s3.localhost:3900', '//k', 'b', '/k'],
  ]
  for (const [host, path, bucket, key] of rows) {
    const found = locate(path, host, roots)
    assert.deepEqual({ bucket: found.bucket, key: found.key }, { bucket, key }, `${host} ${path}`)
    assert.equal(found.style, host.startsWith('b.') ? 'virtual-host' : 'path')
  }
})

test('locate refuses what is no key (H13, S28)', () => {
  for (const path of [
    '/b/%zz',
    '/b/%',
    '/b/%00',
    '/b/%c0%af',
    '/b/%ff',
    '/b/%ed%a0%80',
    '/b/..',
    '/b/../c',
    '/b/%2e%2e/c',
    '/b/a/../../c',
    '//k',
  ]) {
    assert.throws(
      () => locate(path, 'localhost', roots),
      (error) => error instanceof HttpError && error.code === 'InvalidURI',
      path,
    )
  }
})

test('isKeyTooLong counts UTF-8 bytes', () => {
  assert.equal(isKeyTooLong('a'.repeat(1024)), false)
  assert.equal(isKeyTooLong('é'.repeat(512)), false)
  assert.equal(isKeyTooLong('é'.repeat(513)), true)
})
