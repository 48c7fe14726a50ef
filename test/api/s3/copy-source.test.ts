/** The header that names the source of a copy: what it may say, and what it must not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copySource } from '../../../src/api/s3/copy-source.ts'
import { S3Error } from '../../../src/api/s3/errors.ts'

const read = (value: string | undefined): ReturnType<typeof copySource> =>
  copySource(value, 'x-amz-copy-source')

const codeOf = (value: string | undefined): string => {
  try {
    return JSON.stringify(read(value))
  } catch (error) {
    if (error instanceof S3Error) return error.code
    throw error
  }
}

test('copySource() reads bucket and key, decoded once, with or without a slash in front', () => {
  const named: readonly (readonly [value: string, bucketName: string, key: string])[] = [
    ['bucket/key', 'bucket', 'key'],
    ['/bucket/key', 'bucket', 'key'],
    ['bucket%2Fkey', 'bucket', 'key'],
    ['%2Fbucket/key'.slice(3), 'bucket', 'key'],
    ['bucket/a/b//c/', 'bucket', 'a/b//c/'],
    ['bucket/a%20b%C3%A9', 'bucket', 'a bé'],
    ['bucket/a+b', 'bucket', 'a+b'],
    ['bucket/%3FversionId', 'bucket', '?versionId'],
    ['bucket/%3FversionId=x', 'bucket', '?versionId=x'],
    ['bucket/a?b', 'bucket', 'a?b'],
    ['bucket/100%2525', 'bucket', '100%25'],
    ['bucket/a/../b', 'bucket', 'a/../b'],
    ['bucket/key?versionId=null', 'bucket', 'key'],
  ]
  for (const [value, bucketName, key] of named) {
    assert.deepEqual(read(value), { bucketName, key }, value)
  }
})

test('copySource() refuses what names no object, or one outside of its bucket', () => {
  const hostile = [
    undefined,
    '',
    '/',
    '//',
    'bucket',
    'bucket/',
    '/bucket/',
    '//bucket/key',
    'bucket/%ZZ',
    '100%/foo',
    'bucket/%C3%',
    'bucket/%C3',
    'bucket/a%00b',
    'bucket%252Fkey',
    '../other/secret',
    '%2e%2e/other/secret',
    'bucket/../other/key',
    'bucket/%2e%2e/other/key',
    'bucket/a/../../other/key',
    './key',
    'my-buc@k/key',
    '192.168.1.1/key',
    'arn:aws:s3:us-east-1:123456789012:accesspoint/a/object/b',
    `bucket/${'k'.repeat(1025)}`,
    'bucket/key?versionId=',
    'bucket/key?versionId=x',
    'bucket/key?versionId=null&versionId=other',
    'bucket/key?versionId=null/../../other/key',
  ]
  for (const value of hostile) assert.equal(codeOf(value), 'InvalidArgument', value)
})

test('copySource() answers a version that could be and is not as S3 does', () => {
  assert.equal(codeOf(`bucket/key?versionId=${'a1.B_'.repeat(6)}zz`), 'NoSuchVersion')
})
