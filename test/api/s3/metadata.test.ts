/** Headers that are stored with an object. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metadataHeaders, storedMetadata } from '../../../src/api/s3/metadata.ts'

const stored = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(storedMetadata(new Map(Object.entries(headers))))

test('storedMetadata() keeps what S3 keeps, and no other header', () => {
  const kept = {
    'content-type': 'a/b',
    'cache-control': 'c',
    'content-disposition': 'd',
    'content-encoding': 'gzip',
    'content-language': 'l',
    expires: 'whenever',
    'x-amz-meta-a': 'é in bytes: Ã©',
  }
  assert.deepEqual(stored({ ...kept, host: 'h', 'x-amz-acl': 'private', range: 'r' }), kept)
})

test('storedMetadata() has a type for what came without one, and drops empty headers', () => {
  assert.deepEqual(stored({ 'content-encoding': '' }), { 'content-type': 'binary/octet-stream' })
  assert.equal(stored({ 'content-type': '' })['content-type'], 'binary/octet-stream')
})

test('storedMetadata() counts names without the prefix, and values, in bytes', () => {
  const at = (length: number): unknown =>
    stored({ 'x-amz-meta-ab': 'v'.repeat(length - 3), 'x-amz-meta-c': '' })
  assert.doesNotThrow(() => at(2048))
  assert.throws(() => at(2049), { code: 'MetadataTooLarge' })
})

test('metadataHeaders() puts each override in place of what was stored', () => {
  const metadata = [
    ['content-type', 'a'],
    ['x-amz-meta-a', 'b'],
  ] as const
  assert.deepEqual(metadataHeaders(metadata, undefined), metadata)
  assert.deepEqual(metadataHeaders(metadata, { 'content-type': 'c', expires: 'e' }), [
    ['x-amz-meta-a', 'b'],
    ['content-type', 'c'],
    ['expires', 'e'],
  ])
})
