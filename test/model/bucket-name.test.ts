import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketNameFault } from '../../src/model/bucket-name.ts'

test('bucketNameFault() takes what S3 takes', () => {
  const good = ['abc', 'my-bucket', 'a.b.c', '0-9', 'a'.repeat(63), '1.2.3', '1.2.3.4.5']
  for (const name of good) assert.equal(bucketNameFault(name), undefined, name)
})

test('bucketNameFault() refuses what S3 refuses', () => {
  const bad = ['', 'ab', '..', '...', '-ab', 'ab-', 'a..b', 'a.-b', 'a-.b', 'Abc', 'a_b', 'a b']
  bad.push('a'.repeat(64), '127.0.0.1', '999.1.1.1', 'xn--abc', 'a.xn--b', 'abc-s3alias')
  bad.push('ab'.repeat(32), 'sthree-a', 'abc--ol-s3', 'é'.repeat(3), 'abc\n')
  for (const name of bad) assert.notEqual(bucketNameFault(name), undefined, name)
})
