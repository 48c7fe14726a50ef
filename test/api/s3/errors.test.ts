/** Errors: every code of the layers below has an answer, and the document says what is known. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuthError } from '../../../src/api/auth/errors.ts'
import { errorAnswers } from '../../../src/api/s3/error-codes.ts'
import { S3Error, failureOf, renderFailure } from '../../../src/api/s3/errors.ts'
import { StoreError, storeErrorCodes } from '../../../src/store/errors.ts'
import { parseXml, textAt } from '../../support/xml-tree.ts'

const at = { resource: '/b/k', requestId: 'r', hostId: 'h' }

test('failureOf() has an answer for every code of the store, and none of them is a fault', () => {
  for (const code of storeErrorCodes) {
    const failed = failureOf(new StoreError(code, 'what happened'))
    assert.equal(failed.fault, false, code)
    assert.ok(failed.status >= 400 && failed.status !== 500, code)
    assert.ok(failed.message.length > 0)
  }
})

test('failureOf() gives each kind of failure its status', () => {
  const rows: [Error, number, string][] = [
    [new StoreError('NoSuchKey', 'x'), 404, 'NoSuchKey'],
    [new StoreError('ConditionNotFound', 'x'), 404, 'NoSuchKey'],
    [new StoreError('PreconditionFailed', 'x'), 412, 'PreconditionFailed'],
    [new StoreError('SlowDown', 'x'), 503, 'SlowDown'],
    [new StoreError('Unavailable', 'x'), 503, 'ServiceUnavailable'],
    [new StoreError('OutcomeUnknown', 'x'), 503, 'ServiceUnavailable'],
    [new StoreError('BlockUnavailable', 'x'), 503, 'ServiceUnavailable'],
    [new StoreError('PayloadHashMismatch', 'x'), 400, 'XAmzContentSHA256Mismatch'],
    [new S3Error('InvalidRange', 'x'), 416, 'InvalidRange'],
    [new AuthError('SignatureDoesNotMatch', 'x'), 403, 'SignatureDoesNotMatch'],
    [new Error('a secret path'), 500, 'InternalError'],
    [new TypeError('undefined is not a function'), 500, 'InternalError'],
  ]
  for (const [error, status, code] of rows) {
    const failed = failureOf(error)
    assert.deepEqual([failed.status, failed.code], [status, code])
    assert.equal(failed.fault, status === 500)
    if (failed.fault) assert.equal(failed.message, errorAnswers.InternalError.message)
  }
})

test('renderFailure() writes what is known, escaped, and nothing that is not S3', () => {
  const error = new S3Error('InvalidArgument', 'a <b> & "c"', {
    details: { ArgumentName: 'x<y', internal: 'hidden', Wrong: { deep: true }, Size: 3 },
  })
  const answer = renderFailure(failureOf(error), at)
  const xml = parseXml(answer.body as string)
  assert.equal(xml.name, 'Error')
  assert.deepEqual(
    xml.children.map((child) => child.name),
    ['Code', 'Message', 'ArgumentName', 'Size', 'Resource', 'RequestId', 'HostId'],
  )
  assert.equal(textAt(xml, 'Message'), 'a <b> & "c"')
  assert.equal(textAt(xml, 'ArgumentName'), 'x<y')
})

test('renderFailure() tells a 503 when to come back, and a 416 how large the object is', () => {
  const busy = renderFailure(failureOf(new StoreError('SlowDown', 'x')), at)
  assert.ok(new Map(busy.headers).has('retry-after'))
  const range = new S3Error('InvalidRange', 'x', { details: { ActualObjectSize: 10 } })
  const headers = new Map(renderFailure(failureOf(range), at).headers)
  assert.equal(headers.get('content-range'), 'bytes */10')
  assert.ok(!headers.has('retry-after'))
})
