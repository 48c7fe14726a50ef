import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { AuthErrorCode } from '../../../src/api/auth/errors.ts'
import { readAll } from '../http/door.ts'
import { type RequestParts, bodyOf } from '../http/request-parts.ts'
import { EMPTY_SHA256, refuses, signed, verify } from './door.ts'

test('verifyRequest refuses unknown payload declarations (S13)', async () => {
  const parts = signed({ path: '/b/k' })
  const { 'X-Amz-Content-Sha256': removed, ...rest } = parts.headers
  assert.equal(removed, EMPTY_SHA256)
  await refuses({ ...parts, headers: rest }, 'InvalidRequest')
  for (const value of [
    'garbage',
    'STREAMING-UNSIGNED-PAYLOAD',
    'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD',
    EMPTY_SHA256.slice(1),
    'unsigned-payload',
    '',
  ]) {
    await refuses(
      signed({ path: '/b/k', headers: { 'X-Amz-Content-Sha256': value || ' ' } }),
      'InvalidArgument',
    )
  }
})

test('verifyRequest refuses a wrong hash of an empty body', async () => {
  const other = createHash('sha256').update('x').digest('hex')
  await refuses(
    signed({ path: '/b/k', headers: { 'X-Amz-Content-Sha256': other } }),
    'XAmzContentSHA256Mismatch',
  )
})

test('verifyRequest reads checksum headers that agree, and refuses others (S21, S22)', async () => {
  const put = (headers: Record<string, string>): RequestParts => ({
    ...signed({
      method: 'PUT',
      path: '/b/k',
      headers: { 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD', ...headers },
    }),
    body: bodyOf('hello'),
    bodyLength: 5,
  })
  const crc = { 'x-amz-checksum-crc32': 'NhCmhg==' }
  const { body } = await verify(put({ ...crc, 'x-amz-sdk-checksum-algorithm': 'CRC32' }))
  assert.equal(body.checksumWanted, 'CRC32')
  assert.deepEqual(body.expect(), {
    checksum: { algorithm: 'CRC32', value: Buffer.from('NhCmhg==', 'base64') },
  })
  const rows: [AuthErrorCode, Record<string, string>][] = [
    ['InvalidRequest', { ...crc, 'x-amz-checksum-crc32c': 'NhCmhg==' }],
    ['InvalidRequest', { 'x-amz-checksum-crc32': 'NhCmhg' }],
    ['InvalidRequest', { 'x-amz-checksum-crc32': 'NhCmhgAA' }],
    ['InvalidRequest', { 'x-amz-checksum-foo': 'NhCmhg==' }],
    ['NotImplemented', { 'x-amz-checksum-sha512': 'NhCmhg==' }],
    ['InvalidRequest', { ...crc, 'x-amz-sdk-checksum-algorithm': 'CRC32C' }],
    ['InvalidRequest', { ...crc, 'x-amz-checksum-algorithm': 'SHA1' }],
    ['InvalidRequest', { 'x-amz-sdk-checksum-algorithm': 'CRC32' }],
    ['InvalidRequest', { ...crc, 'x-amz-sdk-checksum-algorithm': 'FOO' }],
    ['InvalidRequest', { 'x-amz-trailer': 'x-amz-checksum-crc32' }],
    ['InvalidDigest', { 'Content-MD5': 'abc' }],
    ['InvalidDigest', { 'Content-MD5': 'AAAA' }],
    ['InvalidDigest', { 'Content-MD5': ' ' }],
  ]
  for (const [code, headers] of rows) await refuses(put(headers), code)
  const md5 = createHash('md5').update('hello').digest('base64')
  const verified = await verify(put({ 'Content-MD5': md5, 'x-amz-checksum-algorithm': 'CRC32' }))
  assert.deepEqual(verified.body.expect(), { md5: Buffer.from(md5, 'base64') })
  assert.equal((await readAll(verified.body.pieces)).toString(), 'hello')
})
