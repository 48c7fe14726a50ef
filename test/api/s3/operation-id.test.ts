/** The id by which a retry is known: the same for the same request, another for any other. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccessKeyId } from '../../../src/base/ids.ts'
import { operationId } from '../../../src/api/s3/operation-id.ts'
import type { ServiceContext } from '../../../src/api/s3/contract/operation.ts'

function idOf(headers: Record<string, string>, key = 'GK1', operation = 'PutObject'): unknown {
  const caller = { id: key as AccessKeyId, name: '' }
  const request = { headers: new Map(Object.entries(headers)) }
  return operationId({ caller, request } as unknown as ServiceContext, operation)
}

test('operationId() is undefined without an invocation, or with an absurd one', () => {
  assert.equal(idOf({}), undefined)
  assert.equal(idOf({ 'amz-sdk-invocation-id': 'x'.repeat(65) }), undefined)
})

test('operationId() tells requests apart by key, operation, length and digests', () => {
  const base = { 'amz-sdk-invocation-id': 'a', 'content-length': '5', 'x-amz-content-sha256': 's' }
  assert.equal(idOf(base), idOf({ ...base, 'amz-sdk-request': 'attempt=2', date: 'later' }))
  const ids = [
    idOf(base),
    idOf(base, 'GK2'),
    idOf(base, 'GK1', 'DeleteObject'),
    idOf({ ...base, 'amz-sdk-invocation-id': 'b' }),
    idOf({ ...base, 'content-length': '6' }),
    idOf({ ...base, 'x-amz-content-sha256': 't' }),
    idOf({ ...base, 'x-amz-checksum-crc32': 'AAAAAA==' }),
    idOf({ ...base, 'content-md5': 'm' }),
  ]
  assert.equal(new Set(ids).size, ids.length)
})
