import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJson, readWhole } from '../../../src/api/http/document.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import { bodyOf } from './request-parts.ts'

test('readWhole copies its pieces and stops at the limit (X3)', async () => {
  const piece = Buffer.from('ab')
  const reused = (async function* () {
    yield piece
    piece.write('cd')
    yield piece
  })()
  assert.equal(Buffer.from(await readWhole(reused, 4)).toString(), 'abcd')
  let pulled = 0
  const endless = (async function* () {
    for (;;) {
      pulled += 1
      yield piece
    }
  })()
  await assert.rejects(
    readWhole(endless, 10),
    (error) => error instanceof HttpError && error.code === 'MaxMessageLengthExceeded',
  )
  assert.equal(pulled, 6)
  assert.equal((await readWhole(bodyOf(), 0)).length, 0)
})

test('parseJson refuses what is no JSON or no UTF-8', () => {
  assert.deepEqual(parseJson(Buffer.from('{"a":[1]}')), { a: [1] })
  for (const bytes of ['', '{', '{"a":1}x', Buffer.from([0x22, 0xff, 0x22])]) {
    assert.throws(
      () => parseJson(Buffer.from(bytes)),
      (error) => error instanceof HttpError && error.code === 'InvalidRequest',
    )
  }
})
