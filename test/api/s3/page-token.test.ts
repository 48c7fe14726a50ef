/** Tokens of pages: only for the list that gave them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listStart, nextListToken } from '../../../src/api/s3/list-position.ts'
import { pageToken, readPageToken } from '../../../src/api/s3/page-token.ts'
import type { TokenScope } from '../../../src/api/s3/page-token.ts'
import type { BucketId } from '../../../src/base/ids.ts'

const scope: TokenScope = ['id', 'list', 'prefix', '/']

test('readPageToken() returns the position of its own token, whatever its characters', () => {
  for (const position of ['a', 'a\u0001\n', '😀/é', 'k'.repeat(1024)]) {
    assert.equal(readPageToken(scope, pageToken(scope, position), 'token'), position)
  }
})

test('readPageToken() refuses any other scope and any other byte', () => {
  const token = pageToken(scope, 'key')
  for (const other of [
    ['other', 'list', 'prefix', '/'],
    ['id', 'list', 'prefix', ''],
    ['id', 'list', 'pref', 'ix/'],
  ] as const) {
    assert.throws(() => readPageToken(other, token, 'token'), { code: 'InvalidArgument' })
  }
  for (let index = 0; index < token.length; index += 1) {
    const changed =
      token.slice(0, index) + (token[index] === 'A' ? 'B' : 'A') + token.slice(index + 1)
    assert.throws(() => readPageToken(scope, changed, 'token'), { code: 'InvalidArgument' })
  }
  for (const rubbish of ['', 'a', `${token}A`, token.slice(1), '%', 'x'.repeat(10_000)]) {
    assert.throws(() => readPageToken(scope, rubbish, 'token'), { code: 'InvalidArgument' })
  }
})

test('listStart() goes on where nextListToken() stopped, and a token wins over start-after', () => {
  const range = { bucket: 'b' as BucketId, prefix: 'p', delimiter: undefined }
  for (const next of [{ after: 'key' }, { from: 'key' }]) {
    assert.deepEqual(listStart(range, 'other', nextListToken(range, next)), next)
  }
  assert.equal(nextListToken(range, undefined), undefined)
  assert.deepEqual(listStart(range, 'other', ''), { after: 'other' })
})
